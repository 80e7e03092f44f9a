from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2, field_mask_pb2
from google.protobuf.json_format import ParseDict

from chassis.errors import MethodNotAllowed, RouteNotFound
from gatewaysvc.routes import BadRoute, RouteTable, routes_of

HTTP: Any = annotations_pb2.http
ID = "01934f5e-7b1c-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("http_method", "path", "rpc", "values"),
    [
        ("POST", "/v1/users", "RegisterUser", {}),
        ("GET", "/v1/users/me", "GetUser", {"user_id": "me"}),
        ("GET", "/v1/users/me/tasks", "ListTasks", {"user_id": "me"}),
        ("POST", "/v1/sessions", "LogIn", {}),
        ("POST", "/v1/sessions:refresh", "RefreshSession", {}),
        ("DELETE", "/v1/sessions/current", "LogOut", {}),
        ("GET", "/v1/tasks", "ListTasks", {}),
        ("POST", "/v1/tasks", "CreateTask", {}),
        ("GET", "/v1/tasks:search", "SearchTasks", {}),
        ("POST", "/v1/tasks:batchCreate", "BatchCreateTasks", {}),
        ("GET", f"/v1/tasks/{ID}", "GetTask", {"id": ID}),
        ("PATCH", f"/v1/tasks/{ID}", "UpdateTask", {"task.id": ID}),
        ("DELETE", f"/v1/tasks/{ID}", "DeleteTask", {"id": ID}),
        ("POST", f"/v1/tasks/{ID}:start", "StartTask", {"id": ID}),
        ("POST", "/v1/tasks/a%3Ab:start", "StartTask", {"id": "a:b"}),
        ("GET", f"/v1/tasks/{ID}/history", "ListTaskHistory", {"id": ID}),
        ("PATCH", "/v1/projects/p/members/u", "UpdateMember", {"project_id": "p", "member.user_id": "u"}),
        ("GET", "/.well-known/jwks.json", "GetJwks", {}),
        ("GET", "/v1/events", "Watch", {}),
        ("WEBSOCKET", "/v1/events", "Connect", {}),
        ("POST", "/v1/notifications:mark", "MarkNotifications", {}),
    ],
)
def test_a_request_finds_its_method(table, http_method, path, rpc, values):
    match = table.match(http_method, path)
    assert match.route.method.name == rpc
    assert {".".join(field_path): value for field_path, value in match.path} == values


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/", "openapi.json"),
        ("/v1", "openapi.json"),
        ("/v1/nothing", "openapi.json"),
        ("/V1/tasks", "openapi.json"),
        ("/v1/tasks/", "last slash"),
        (f"/v1/tasks/{ID}/", "last slash"),
        (f"/v1/tasks/{ID}:nosuch", ":start"),
        ("/v1/users//tasks", "openapi.json"),
        (f"/v1/tasks/{ID}/history/x", "openapi.json"),
        ("/taskbell.accounts.v1.AccountService/IntrospectToken", "openapi.json"),
    ],
)
@pytest.mark.parametrize("http_method", ["GET", "DELETE"])
def test_a_path_that_nobody_serves_is_not_found(table, http_method, path, hint):
    with pytest.raises(RouteNotFound, match=hint):
        table.match(http_method, path)


@pytest.mark.parametrize(
    ("http_method", "path", "allowed"),
    [
        ("PUT", "/v1/tasks", "GET, HEAD, OPTIONS, POST"),
        ("POST", f"/v1/tasks/{ID}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", f"/v1/tasks/{ID}:start", "OPTIONS, POST"),
        ("POST", "/v1/events", "GET, HEAD, OPTIONS"),
        ("get", "/v1/tasks", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_those_it_takes(table, http_method, path, allowed):
    with pytest.raises(MethodNotAllowed) as caught:
        table.match(http_method, path)
    assert caught.value.metadata["allow"] == allowed


def test_methods_for_services_only_have_no_route(table):
    served = {route.method.name for route in table.routes}
    assert not served & {"IntrospectToken", "IntrospectTokens", "BatchGetUsers"}


def service(*rules, streaming=None):
    """A service whose methods have these http rules, as text."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    file.dependency.extend(["google/protobuf/empty.proto", "google/protobuf/field_mask.proto"])
    thing = file.message_type.add(name="Thing")
    thing.field.add(name="name", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    request = file.message_type.add(name="Request")
    request.field.add(name="name", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    request.field.add(name="names", number=2, type="TYPE_STRING", label="LABEL_REPEATED")
    request.field.add(name="thing", number=3, type="TYPE_MESSAGE", label="LABEL_OPTIONAL", type_name=".t.Thing")
    methods = file.service.add(name="Things")
    for i, rule in enumerate(rules):
        method = methods.method.add(name=f"M{i}", input_type=".t.Request", output_type=".t.Thing")
        method.MergeFrom(streaming or descriptor_pb2.MethodDescriptorProto())
        ParseDict(rule, method.options.Extensions[HTTP])
    pool = descriptor_pool.DescriptorPool()
    for known in (descriptor_pb2, empty_pb2, field_mask_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("t.Things")


@pytest.mark.parametrize(
    ("first", "second", "path", "expected"),
    [
        ("/v1/{name}", "/v1/current", "/v1/current", 1),
        ("/v1/{name}", "/v1/current", "/v1/other", 0),
        ("/v1/{name=**}", "/v1/{name}", "/v1/x", 1),
        ("/v1/{name=**}", "/v1/{name}", "/v1/x/y", 0),
        ("/v1/{name=**}", "/v1/{name}", "/v1", 0),
        ("/{name}/b/c", "/a/{name}/d", "/a/b/c", 0),
        ("/{name}/b/c", "/a/{name}/d", "/a/b/d", 1),
        ("/v1/{name=x/*}", "/v1/{name=y/*}", "/v1/y/1", 1),
        ("/v1/{name}", "/v1/{name}:go", "/v1/1:go", 1),
        ("/v1/{name}", "/v1/{name}:go", "/v1/1", 0),
    ],
)
def test_the_more_literal_route_goes_first(first, second, path, expected):
    table = RouteTable([service({"get": first}, {"get": second})])
    assert table.match("GET", path).route.method.name == f"M{expected}"


def test_a_less_literal_route_is_taken_when_the_literal_one_has_another_method():
    table = RouteTable([service({"get": "/v1/current"}, {"delete": "/v1/{name}"})])
    assert table.match("DELETE", "/v1/current").route.method.name == "M1"


@pytest.mark.parametrize(
    "rule",
    [
        {"get": "/v1/{nothing}"},
        {"get": "/v1/{names}"},
        {"get": "/v1/{thing}"},
        {"get": "/v1/{name.x}"},
        {"post": "/v1", "body": "nothing"},
        {"get": "/v1", "response_body": "nothing"},
        {"body": "*"},
        {"get": "/v1", "additional_bindings": [{"get": "/v2", "additional_bindings": [{"get": "/v3"}]}]},
    ],
)
def test_an_annotation_that_fits_no_field_stops_the_start(rule):
    with pytest.raises(BadRoute):
        list(routes_of(service(rule).methods[0]))


def test_two_methods_on_one_path_stop_the_start():
    with pytest.raises(BadRoute, match=r"t\.Things\.M1 and t\.Things\.M0"):
        RouteTable([service({"get": "/v1/{name}"}, {"get": "/v1/{thing.name}"})])
