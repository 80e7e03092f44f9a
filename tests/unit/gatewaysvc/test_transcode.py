import json

import pytest
from google.protobuf.json_format import MessageToDict

from chassis.errors import InvalidField, MalformedJson, UnknownField

ID = "01934f5e-7b1c-7000-8000-000000000001"
TASK = f"/v1/tasks/{ID}"


@pytest.mark.parametrize(
    ("http_method", "target", "body", "request_"),
    [
        ("GET", TASK, None, {"id": ID}),
        ("GET", "/v1/tasks", None, {}),
        ("GET", "/v1/tasks?pageSize=7&page_token=x%20y&orderBy=", None, {"pageSize": 7, "pageToken": "x y"}),
        ("GET", "/v1/tasks?showDeleted=true&filter=a+%2B+b", None, {"showDeleted": True, "filter": "a + b"}),
        ("GET", "/v1/tasks?show_deleted=0", None, {}),
        ("GET", "/v1/events?project=&inbox=&filter=&after=", None, {}),
        ("GET", "/v1/users/me/tasks?pageSize=1", None, {"userId": "me", "pageSize": 1}),
        ("GET", "/v1/notifications?state=READ", None, {"state": "READ"}),
        ("GET", "/v1/notifications?state=2", None, {"state": "READ"}),
        ("POST", "/v1/tasks", {"title": "a"}, {"task": {"title": "a"}}),
        ("POST", "/v1/tasks", None, {"task": {}}),
        ("POST", "/v1/tasks", {}, {"task": {}}),
        ("POST", "/v1/tasks", {"due_time": "2026-11-23T12:00:00+02:00"}, {"task": {"dueTime": "2026-11-23T10:00:00Z"}}),
        ("POST", "/v1/tasks", {"priority": 3, "labels": None}, {"task": {"priority": "HIGH"}}),
        ("POST", "/v1/tasks", {"payload": {"a": [1, None]}}, {"task": {"payload": {"a": [1, None]}}}),
        ("POST", "/v1/tasks?requestId=r1", {"title": "a"}, {"task": {"title": "a"}, "requestId": "r1"}),
        ("POST", f"{TASK}:start", None, {"id": ID}),
        ("POST", f"{TASK}:start", {"etag": "e", "requestId": "r"}, {"id": ID, "etag": "e", "requestId": "r"}),
        ("POST", f"{TASK}:start", {"id": ID}, {"id": ID}),
        ("DELETE", f"{TASK}?etag=e", None, {"id": ID, "etag": "e"}),
        ("DELETE", TASK, {}, {"id": ID}),
        ("PATCH", TASK, {"title": "a"}, {"task": {"id": ID, "title": "a"}, "updateMask": "title"}),
        ("PATCH", TASK, {"dueTime": None}, {"task": {"id": ID}, "updateMask": "dueTime"}),
        ("PATCH", TASK, {"title": "a", "etag": "e"},
         {"task": {"id": ID, "title": "a", "etag": "e"}, "updateMask": "title"}),
        ("PATCH", TASK, {"payload": {"a": {"b": 1}}},
         {"task": {"id": ID, "payload": {"a": {"b": 1}}}, "updateMask": "payload"}),
        ("PATCH", f"{TASK}?updateMask=dueTime,title", {"title": "a"},
         {"task": {"id": ID, "title": "a"}, "updateMask": "dueTime,title"}),
        ("PATCH", f"{TASK}?updateMask=due_time&update_mask=", {}, None),
        ("PATCH", f"{TASK}?update_mask=due_time", {}, {"task": {"id": ID}, "updateMask": "dueTime"}),
        ("PATCH", f"{TASK}?updateMask=*", {"title": "a"}, {"task": {"id": ID, "title": "a"}, "updateMask": "*"}),
        ("PATCH", TASK, {}, {"task": {"id": ID}, "updateMask": ""}),
        ("PATCH", f"/v1/projects/{ID}/members/{ID}", {"role": "EDITOR"},
         {"projectId": ID, "member": {"userId": ID, "role": "EDITOR"}, "updateMask": "role"}),
        ("POST", "/v1/tasks:batchUpdate",
         {"requests": [{"task": {"id": ID, "dueTime": None, "title": "a"}},
                       {"task": {"id": ID, "title": "b", "labels": ["x"]}, "updateMask": "title"}, {}]},
         {"requests": [{"task": {"id": ID, "title": "a"}, "updateMask": "dueTime,title"},
                       {"task": {"id": ID, "title": "b", "labels": ["x"]}, "updateMask": "title"}, {}]}),
        ("POST", "/v1/tasks:batchUpdate", {"requests": None}, {}),
        ("POST", "/v1/notifications:mark", {"ids": [ID], "state": "READ"}, {"ids": [ID], "state": "READ"}),
    ],
)  # fmt: skip
def test_a_request_becomes_its_message(to_request, http_method, target, body, request_):
    encoded = b"" if body is None else json.dumps(body).encode()
    if request_ is None:
        with pytest.raises(InvalidField, match="more than once"):
            to_request(http_method, target, encoded)
    else:
        assert MessageToDict(to_request(http_method, target, encoded)) == request_


def test_a_resource_may_be_sent_back_as_it_was_read(to_request):
    read = {"id": ID, "title": "b", "status": "PENDING", "labels": [], "creatorId": ID, "version": 3, "etag": "e",
            "createTime": "2026-11-23T10:00:00Z", "queue": "", "attempt": 0, "worker": ""}  # fmt: skip
    request = to_request("PATCH", TASK, json.dumps(read).encode())
    assert list(request.update_mask.paths) == ["title", "labels"]


@pytest.mark.parametrize(
    ("http_method", "target", "body", "kind", "fields", "says"),
    [
        ("GET", "/v1/tasks?colour=red", b"", UnknownField, ["colour"], "colour is not known"),
        ("GET", "/v1/tasks?pagesize=3", b"", UnknownField, ["pagesize"], "do you mean pageSize"),
        ("GET", "/v1/tasks?a.b=3", b"", UnknownField, ["a.b"], "a.b"),
        ("GET", "/v1/tasks", b'{"\\ud800": 1}', UnknownField, ["?"], "no body"),
        ("GET", "/v1/tasks?\udcff=1", b"", UnknownField, ["?"], "not known"),
        ("GET", "/v1/tasks?filter.b=3", b"", UnknownField, ["filter.b"], "filter.b"),
        ("GET", f"{TASK}?id=3", b"", UnknownField, ["id"], "in the path"),
        ("GET", "/v1/events?access_token=x", b"", UnknownField, ["access_token"], "Authorization"),
        ("POST", "/v1/tasks?task=x", b"", UnknownField, ["task"], "belongs in the body"),
        ("POST", "/v1/tasks?task.title=x", b"", UnknownField, ["task.title"], "belongs in the body"),
        ("POST", f"{TASK}:start?etag=x", b"", UnknownField, ["etag"], "belongs in the body"),
        ("DELETE", TASK, b'{"etag": "x"}', UnknownField, ["etag"], "takes no body"),
        ("POST", "/v1/tasks", b'{"titel": "x"}', UnknownField, ["task.titel"], "do you mean title"),
        ("POST", "/v1/tasks", b'{"titel": "x", "colour": 1}', UnknownField, ["task.titel", "task.colour"], "colour"),
        ("POST", "/v1/tasks", b'{"progress": {"x": 1}}', UnknownField, ["task.progress.x"], "task.progress.x"),
        ("POST", "/v1/tasks", b'{"\\ud800": 1}', UnknownField, ["task.?"], "not known"),
        ("POST", "/v1/tasks", b'{"title": 5}', InvalidField, ["task.title"], "task.title: 5 must be a string"),
        ("POST", "/v1/tasks", b'{"title": "\\ud800"}', InvalidField, ["task.title"], "Unicode"),
        ("POST", "/v1/tasks", b'{"title": 5, "priority": "SOON"}', InvalidField,
         ["task.title", "task.priority"], "URGENT"),
        ("POST", "/v1/tasks", b'{"priority": 1.5}', InvalidField, ["task.priority"], "must be one of LOW"),
        ("POST", "/v1/tasks", b'{"priority": true}', InvalidField, ["task.priority"], "must be one of LOW"),
        ("POST", "/v1/tasks", b'{"labels": "a"}', InvalidField, ["task.labels"], "must be a JSON list"),
        ("POST", "/v1/tasks", b'{"labels": ["a", 1, null]}', InvalidField,
         ["task.labels[1]", "task.labels[2]"], "string"),
        ("POST", "/v1/tasks", b'{"dueTime": "tomorrow"}', InvalidField, ["task.due_time"], 'task.dueTime: "tomorrow"'),
        ("POST", "/v1/tasks", b'{"dueTime": "2026-02-30T00:00:00Z"}', InvalidField, ["task.due_time"], "RFC 3339"),
        ("POST", "/v1/tasks", b'{"dueTime": "0001-01-01T00:00:00+10:00"}', InvalidField, ["task.due_time"], "RFC 3339"),
        ("POST", "/v1/tasks", b'{"dueTime": 5}', InvalidField, ["task.due_time"], "RFC 3339"),
        ("POST", "/v1/tasks", b'{"dueTime": {}}', InvalidField, ["task.due_time"], "RFC 3339"),
        ("POST", "/v1/tasks", b'{"payload": []}', InvalidField, ["task.payload"], "JSON object"),
        ("POST", "/v1/tasks", b'{"payload": {"a": 1e999}}', InvalidField, ["task.payload"], "range"),
        ("POST", "/v1/tasks", b'{"payload": {"a": %s}}' % (b"9" * 400), InvalidField, ["task.payload"], "range"),
        ("POST", "/v1/tasks", b'{"payload": {"a": "\\udfff"}}', InvalidField, ["task.payload"], "Unicode"),
        ("POST", "/v1/tasks", b'{"payload": %s1%s}' % (b'{"a":' * 40, b"}" * 40), InvalidField,
         ["task.payload"], "deeper"),
        ("POST", "/v1/tasks", b'{"progress": []}', InvalidField, ["task.progress"], "JSON object"),
        ("POST", "/v1/tasks", b'{"version": 3000000000}', InvalidField, ["task.version"], "2147483647"),
        ("POST", "/v1/tasks", b'{"version": "x"}', InvalidField, ["task.version"], "whole number"),
        ("POST", "/v1/tasks", b'{"dueTime": null, "due_time": null}', InvalidField, ["task.due_time"], "twice"),
        ("POST", "/v1/users", b'{"password": 12345678}', InvalidField, ["password"], "must be a string"),
        ("POST", f"{TASK}:start", b'{"id": "other"}', InvalidField, ["id"], "in the path"),
        ("PATCH", TASK, b'{"id": "other"}', InvalidField, ["task.id"], "in the path"),
        ("PATCH", f"{TASK}?updateMask=a;b", b"{}", InvalidField, ["update_mask"], "commas"),
        ("GET", "/v1/tasks?pageSize=many", b"", InvalidField, ["page_size"], 'pageSize: "many"'),
        ("GET", "/v1/tasks?pageSize=1.5", b"", InvalidField, ["page_size"], "whole number"),
        ("GET", "/v1/tasks?pageSize=99999999999999999999999999", b"", InvalidField, ["page_size"], "whole number"),
        ("GET", "/v1/tasks?pageSize=1&pageSize=2", b"", InvalidField, ["page_size"], "more than once"),
        ("GET", "/v1/tasks?showDeleted=yes", b"", InvalidField, ["show_deleted"], "true or false"),
        ("GET", "/v1/notifications?state=SEEN", b"", InvalidField, ["state"], "must be one of UNREAD, READ, ARCHIVED"),
        ("GET", "/v1/tasks?filter=%ff", b"", InvalidField, ["query"], "UTF-8"),
        ("GET", "/v1/tasks?" + "a=1&" * 2000, b"", InvalidField, ["query"], "parameters"),
        ("POST", "/v1/tasks", b'{"title": ', MalformedJson, ["body"], "line 1, column 11"),
        ("POST", "/v1/tasks", b'{"title": "a",\n}', MalformedJson, ["body"], "line 2"),
        ("POST", "/v1/tasks", b"[1]", MalformedJson, ["body"], "must be a JSON object, not [1]"),
        ("POST", "/v1/tasks", b"null", MalformedJson, ["body"], "must be a JSON object"),
        ("POST", f"{TASK}:start", b'"x"', MalformedJson, ["body"], "must be a JSON object"),
        ("POST", "/v1/tasks", b"\xff{}", MalformedJson, ["body"], "UTF-8: byte 0"),
        ("POST", "/v1/tasks", b"[" * 100_000, MalformedJson, ["body"], "deep"),
        ("POST", "/v1/tasks", b'{"version": NaN}', MalformedJson, ["body"], "NaN"),
        ("POST", "/v1/tasks", b'{"version": %s}' % (b"9" * 5000), MalformedJson, ["body"], "digits"),
        ("POST", "/v1/tasks", b'{"title": "a", "title": "b"}', MalformedJson, ["body"], "twice"),
        ("POST", "/v1/tasks", b'{"title": "\n"}', MalformedJson, ["body"], "control character"),
    ],
)  # fmt: skip
def test_bad_input_is_named(to_request, http_method, target, body, kind, fields, says):
    with pytest.raises(kind) as caught:
        to_request(http_method, target, body)
    assert says in caught.value.message
    assert [each.field for each in caught.value.violations] == fields
