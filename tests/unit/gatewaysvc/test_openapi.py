import json
import re

import protovalidate
import pytest
from buf.validate import validate_pb2
from openapi_spec_validator import OpenAPIV31SpecValidator

from gatewaysvc.openapi import openapi
from gatewaysvc.openapi_rules import rules_of, told
from gatewaysvc.routes import RouteTable
from gatewaysvc.services import SERVICES
from tests.transcoding.echo_types import services as echo_services

RULES = validate_pb2.DESCRIPTOR.extensions_by_name["field"]


@pytest.fixture(scope="module")
def document(table):
    return json.loads(json.dumps(openapi(table.routes)))


@pytest.fixture(scope="module")
def operations(document):
    return [(path, method, each) for path, item in document["paths"].items() for method, each in item.items()]


def test_every_route_over_plain_http_is_there_once(document, table, operations):
    assert len(operations) == len([route for route in table.routes if route.http_method != "WEBSOCKET"])
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    assert document["paths"].keys() >= {"/v1/tasks", "/v1/tasks/{id}", "/v1/tasks/{id}:start", "/v1/events"}
    assert document["paths"]["/v1/tasks/{id}"].keys() == {"get", "patch", "delete"}
    assert document["paths"]["/v1/projects/{projectId}/members/{userId}"].keys() == {"patch", "delete"}


def test_every_variable_of_a_path_is_a_parameter(operations):
    for path, _, operation in operations:
        declared = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert sorted(declared) == sorted(re.findall(r"\{(\w+)\}", path))


def test_every_reference_leads_somewhere(document):
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert document["components"]["schemas"][name]["type"] == "object"


def test_what_a_method_takes_and_who_may_call_it_is_told(document):
    lists = document["paths"]["/v1/tasks"]["get"]
    names = {each["name"] for each in lists["parameters"]}
    assert names == {"projectId", "userId", "filter", "orderBy", "pageSize", "pageToken", "showDeleted"}
    assert "tasks:read" in lists["description"]
    change = document["paths"]["/v1/tasks/{id}"]["patch"]
    assert {each["name"] for each in change["parameters"]} == {
        "id", "updateMask", "requestId", "Idempotency-Key", "If-Match",
    }  # fmt: skip
    assert change["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/TaskChanges"
    }
    start = document["paths"]["/v1/tasks/{id}:start"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert start["properties"].keys() == {"etag", "requestId"}
    assert document["paths"]["/v1/users"]["post"]["security"] == []
    events = document["paths"]["/v1/events"]["get"]
    assert events["security"] == [{"bearer": ["notifications:read"]}, {"ticket": []}]
    assert "notifications:read" in events["description"]
    assert {"401", "403"} <= events["responses"].keys()
    assert document["paths"]["/v1/events"]["get"]["responses"]["200"]["content"].keys() == {
        "application/json", "application/x-ndjson", "text/event-stream",
    }  # fmt: skip


def test_the_document_is_openapi_3_1(document):
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_a_message_that_holds_itself_can_be_told():
    table = RouteTable(echo_services())
    assert list(OpenAPIV31SpecValidator(json.loads(json.dumps(openapi(table.routes)))).iter_errors()) == []


def test_whatever_is_said_in_the_protos_is_said_in_the_document(document, operations):
    assert document["paths"]["/v1/tasks/{id}"]["get"]["summary"] == (
        "Returns a task as the last acknowledged write left it"
    )
    assert all(operation["description"] for _, _, operation in operations)
    shapes = document["components"]["schemas"]
    assert [name for name, shape in shapes.items() if "description" not in shape] == ["Status"]  # which isn't ours
    assert "`URGENT`: Now." in document["components"]["schemas"]["Task"]["properties"]["priority"]["description"]
    assert [tag["name"] for tag in document["tags"] if not tag["description"]] == []


def test_every_rule_of_the_protos_is_told():
    for known in fields_of_requests():
        rules = known.GetOptions().Extensions[RULES]
        if rules.WhichOneof("type") not in (None, "enum"):
            assert rules_of(known) or told(known), known.full_name


def test_every_error_is_told_with_its_reasons(document, operations):
    responses = document["components"]["responses"]
    assert "`ETAG_MISMATCH`: The resource changed" in responses["412"]["description"]
    assert responses["404"]["content"]["application/json"]["examples"]["TASK_NOT_FOUND"]["value"]["code"] == 5
    for path, method, operation in operations:
        assert {"400", "429", "503", "default"} <= operation["responses"].keys()
        assert ("404" in operation["responses"]) or "{" not in path
        assert "401" in operation["responses"] or not operation["security"], f"{method} {path}"
    assert "412" in document["paths"]["/v1/tasks/{id}"]["patch"]["responses"]


def test_the_example_of_every_body_is_taken(document, operations, to_request):
    for path, method, operation in operations:
        if "requestBody" in operation:
            media = operation["requestBody"]["content"]["application/json"]
            target = re.sub(r"\{\w+\}", "01934f5e-7b1c-7000-8000-000000000001", path)
            request = to_request(method.upper(), target, json.dumps(media["example"]).encode())
            protovalidate.validate(request)


def test_the_example_of_every_answer_has_its_shape(document, operations):
    for _, _, operation in operations:
        media = operation["responses"]["200"]["content"]["application/json"]
        if "example" in media and "$ref" in media["schema"]:
            shape = document["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
            assert media["example"].keys() <= shape["properties"].keys()


def fields_of_requests():
    """Every field that a caller may fill."""
    seen, left = set(), [method.input_type for each in SERVICES for method in each.descriptor.methods]
    while left:
        message = left.pop()
        if message.full_name not in seen:
            seen.add(message.full_name)
            yield from message.fields
            left += [known.message_type for known in message.fields if known.message_type is not None]


def test_shapes_tell_the_rules_of_the_protos(document):
    task = document["components"]["schemas"]["Task"]["properties"]
    assert (task["title"]["type"], task["title"]["maxLength"]) == ("string", 500)
    assert task["title"]["description"].startswith("1 to 500 characters.")
    assert (task["dueTime"]["type"], task["dueTime"]["format"]) == ("string", "date-time")
    assert task["projectId"]["anyOf"] == [{"format": "uuid"}, {"const": ""}]
    assert "URGENT" in task["priority"]["enum"]
    assert task["labels"]["items"] == {"type": "string"}
    assert task["id"]["readOnly"]
    assert (task["payload"]["type"], task["payload"]["additionalProperties"]) == ("object", True)
    token = document["components"]["schemas"]["Token"]
    assert "tasks:read" in token["properties"]["scopes"]["items"]["enum"]
    assert token["required"] == ["name", "scopes"]


def test_the_body_of_a_stream_of_requests_is_a_list_of_them_or_lines():
    paths = openapi(RouteTable(echo_services()).routes)["paths"]
    content = paths["/v1/gather"]["post"]["requestBody"]["content"]
    message = content["application/x-ndjson"]["schema"]
    assert content["application/json"]["schema"] == {"type": "array", "items": message}
    assert message["properties"].keys() == {"name", "count", "part", "tags", "time"}
    assert "requestBody" not in paths["/v1/gather/{name}"]["get"]
