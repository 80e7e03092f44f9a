"""Bad input gets a clear error that names the field, the value and what is allowed; the same over REST and gRPC."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import ParseDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from taskbell.tasks.v1 import tasks_pb2

from tests.acceptance.conftest import Answer, Json, Person
from tests.acceptance.system import System

NOBODYS = "019a0000-0000-7000-8000-000000000000"
STATUS_OF = {  # google.rpc.Code's standard HTTP mapping, and our one exception
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 412,
}


@dataclass(frozen=True, slots=True)
class Bad:
    """A request that is refused, by both doors, for the same reason."""

    name: str
    http: tuple[str, str, Any]
    rpc: tuple[str, Json] | None  # method, request
    code: str
    reason: str
    says: tuple[str, ...] = ()
    violates: str = ""
    headers: dict[str, str] = field(default_factory=dict)


TASK = "{task}"
CASES = [
    Bad(
        "title too long",
        ("POST", "/v1/tasks", {"title": "x" * 501}),
        ("CreateTask", {"task": {"title": "x" * 501}}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("title", "500"),
        "task.title",
    ),
    Bad(
        "no title",
        ("POST", "/v1/tasks", {"description": "d"}),
        ("CreateTask", {"task": {"description": "d"}}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("title",),
        "task.title",
    ),
    Bad(
        "blank title",
        ("POST", "/v1/tasks", {"title": "  "}),
        ("CreateTask", {"task": {"title": "  "}}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("title",),
        "task.title",
    ),
    Bad(
        "bad label",
        ("POST", "/v1/tasks", {"title": "t", "labels": ["a\u0007"]}),
        ("CreateTask", {"task": {"title": "t", "labels": ["a\u0007"]}}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("control characters",),
        "task.labels[0]",
    ),
    Bad(
        "33 labels",
        ("POST", "/v1/tasks", {"title": "t", "labels": [str(n) for n in range(33)]}),
        ("CreateTask", {"task": {"title": "t", "labels": [str(n) for n in range(33)]}}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("32",),
        "task.labels",
    ),
    Bad(
        "bad UUID",
        ("GET", "/v1/tasks/42", None),
        ("GetTask", {"id": "42"}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("42", "UUID"),
        "id",
    ),
    Bad(
        "no such task",
        ("GET", f"/v1/tasks/{NOBODYS}", None),
        ("GetTask", {"id": NOBODYS}),
        "NOT_FOUND",
        "TASK_NOT_FOUND",
        (NOBODYS,),
    ),
    Bad(
        "somebody else's task",
        ("GET", "/v1/tasks/{foreign}", None),
        ("GetTask", {"id": "{foreign}"}),
        "NOT_FOUND",
        "TASK_NOT_FOUND",
    ),
    Bad(
        "somebody else's project",
        ("POST", "/v1/tasks", {"title": "t", "projectId": "{foreign_project}"}),
        ("CreateTask", {"task": {"title": "t", "projectId": "{foreign_project}"}}),
        "NOT_FOUND",
        "PROJECT_NOT_FOUND",
    ),
    Bad(
        "bad page token",
        ("GET", "/v1/tasks?pageToken=garbage", None),
        ("ListTasks", {"pageToken": "garbage"}),
        "INVALID_ARGUMENT",
        "INVALID_PAGE_TOKEN",
        ("page_token",),
    ),
    Bad(
        "negative page size",
        ("GET", "/v1/tasks?pageSize=-1", None),
        ("ListTasks", {"pageSize": -1}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("-1",),
        "page_size",
    ),
    Bad(
        "broken filter",
        ("GET", "/v1/tasks?filter=status%20%3D", None),
        ("ListTasks", {"filter": "status ="}),
        "INVALID_ARGUMENT",
        "INVALID_FILTER",
        ("9",),
    ),
    Bad(
        "filter on an unknown field",
        ("GET", "/v1/tasks?filter=colour%20%3D%20red", None),
        ("ListTasks", {"filter": "colour = red"}),
        "INVALID_ARGUMENT",
        "INVALID_FILTER",
        ("colour", "status"),
    ),
    Bad(
        "filter with an unknown status",
        ("GET", "/v1/tasks?filter=status%20%3D%20DONE", None),
        ("ListTasks", {"filter": "status = DONE"}),
        "INVALID_ARGUMENT",
        "INVALID_FILTER",
        ("DONE", "COMPLETED"),
    ),
    Bad(
        "order by an unknown field",
        ("GET", "/v1/tasks?orderBy=colour", None),
        ("ListTasks", {"orderBy": "colour"}),
        "INVALID_ARGUMENT",
        "INVALID_ORDER_BY",
        ("colour", "create_time"),
        "order_by",
    ),
    Bad(
        "wrong etag",
        ("PATCH", f"/v1/tasks/{TASK}", {"title": "t2", "etag": "stale"}),
        ("UpdateTask", {"task": {"id": TASK, "title": "t2", "etag": "stale"}}),
        "ABORTED",
        "ETAG_MISMATCH",
        ("stale",),
    ),
    Bad(
        "mask with an unknown field",
        ("PATCH", f"/v1/tasks/{TASK}?updateMask=colour", {"title": "t2"}),
        ("UpdateTask", {"task": {"id": TASK, "title": "t2"}, "updateMask": "colour"}),
        "INVALID_ARGUMENT",
        "INVALID_UPDATE_MASK",
        ("colour", "title"),
        "update_mask",
    ),
    Bad(
        "reopening what has not ended",
        ("POST", f"/v1/tasks/{TASK}:reopen", {}),
        ("ReopenTask", {"id": TASK}),
        "FAILED_PRECONDITION",
        "ILLEGAL_TRANSITION",
        ("PENDING", "IN_PROGRESS"),
    ),
    Bad(
        "assignee outside the project",
        ("PATCH", f"/v1/tasks/{TASK}", {"assigneeId": "{stranger}"}),
        ("UpdateTask", {"task": {"id": TASK, "assigneeId": "{stranger}"}}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        (),
        "task.assignee_id",
    ),
    Bad(
        "empty search",
        ("GET", "/v1/tasks:search?query=", None),
        ("SearchTasks", {}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        (),
        "query",
    ),
    Bad(
        "nothing to create",
        ("POST", "/v1/tasks:batchCreate", {"requests": []}),
        ("BatchCreateTasks", {}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        (),
        "requests",
    ),
    Bad(
        "a bad one among many",
        ("POST", "/v1/tasks:batchCreate", {"requests": [{"task": {"title": "a"}}, {"task": {}}]}),
        ("BatchCreateTasks", {"requests": [{"task": {"title": "a"}}, {"task": {}}]}),
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        (),
        "requests[1].task.title",
    ),
    Bad(
        "no credentials",
        ("GET", "/v1/tasks", None),
        ("ListTasks", {}),
        "UNAUTHENTICATED",
        "CREDENTIALS_MISSING",
        headers={"Authorization": ""},
    ),
    Bad(
        "garbage for a token",
        ("GET", "/v1/tasks", None),
        ("ListTasks", {}),
        "UNAUTHENTICATED",
        "TOKEN_INVALID",
        headers={"Authorization": "Bearer rubbish"},
    ),
    Bad(
        "a tampered token",
        ("GET", "/v1/tasks", None),
        ("ListTasks", {}),
        "UNAUTHENTICATED",
        "TOKEN_INVALID",
        headers={"Authorization": "Bearer {tampered}"},
    ),
    Bad(
        "a token signed by somebody else",
        ("GET", "/v1/tasks", None),
        ("ListTasks", {}),
        "UNAUTHENTICATED",
        "TOKEN_INVALID",
        headers={"Authorization": "Bearer {forged}"},
    ),
    # What only JSON can get wrong; gRPC's types rule it out.
    Bad(
        "an unknown field",
        ("POST", "/v1/tasks", {"title": "t", "colour": "red"}),
        None,
        "INVALID_ARGUMENT",
        "UNKNOWN_FIELD",
        ("colour",),
    ),
    Bad(
        "an unknown query parameter",
        ("GET", "/v1/tasks?colour=red", None),
        None,
        "INVALID_ARGUMENT",
        "UNKNOWN_FIELD",
        ("colour",),
    ),
    Bad(
        "a number for a title",
        ("POST", "/v1/tasks", {"title": 5}),
        None,
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("title", "5"),
    ),
    Bad(
        "an unknown priority",
        ("POST", "/v1/tasks", {"title": "t", "priority": "SOON"}),
        None,
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("priority", "SOON", "URGENT"),
    ),
    Bad(
        "a bad time",
        ("POST", "/v1/tasks", {"title": "t", "dueTime": "tomorrow"}),
        None,
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("dueTime", "tomorrow"),
    ),
    Bad("broken JSON", ("POST", "/v1/tasks", '{"title": '), None, "INVALID_ARGUMENT", "MALFORMED_JSON"),
    Bad("a list for an object", ("POST", "/v1/tasks", "[1]"), None, "INVALID_ARGUMENT", "MALFORMED_JSON"),
    Bad(
        "a word for a number",
        ("GET", "/v1/tasks?pageSize=many", None),
        None,
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ("pageSize", "many"),
    ),
]


@pytest.fixture(scope="session")
async def known(ann: Person, bob: Person, system: System) -> dict[str, str]:
    """What the cases' placeholders stand for."""
    project = await bob.make("/v1/projects", title="Bob's")
    foreign = await bob.make("/v1/tasks", title="Bob's own", projectId=project["id"])
    task = await ann.make("/v1/tasks", title="Ann's own")
    head, body, signature = ann.token.split(".")
    return {
        "task": task["id"],
        "foreign": foreign["id"],
        "foreign_project": project["id"],
        "stranger": bob.id,
        "tampered": f"{head}.{body}.{signature[:-6]}AAAAAA",
        "forged": forged(ann.token),
    }


def forged(token: str) -> str:
    """The same claims, signed by a key that is not Taskbell's."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(
        claims, Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": jwt.get_unverified_header(token)["kid"]}
    )


def filled(value: Any, known: dict[str, str]) -> Any:
    """A case's value with its placeholders replaced."""
    match value:
        case str():
            for name, text in known.items():
                value = value.replace("{" + name + "}", text)
            return value
        case dict():
            return {name: filled(part, known) for name, part in value.items()}
        case list():
            return [filled(part, known) for part in value]
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_rest_refuses(case: Bad, ann: Person, known: dict[str, str]) -> None:
    method, path, body = filled(list(case.http), known)
    answer = await ann.ask(method, path, body, **filled(case.headers, known))
    assert (answer.status, answer.reason) == (STATUS_OF[case.code], case.reason), answer
    for word in filled(list(case.says), known):
        assert word in answer.body["message"], answer.body
    if case.violates or case.code == "INVALID_ARGUMENT":
        violations = next(detail for detail in answer.body["details"] if "BadRequest" in detail["@type"])[
            "fieldViolations"
        ]
        assert case.violates in ["", *(violation["field"] for violation in violations)]


@pytest.mark.parametrize("case", [case for case in CASES if case.rpc], ids=lambda case: case.name)
async def test_grpc_refuses_with_the_same_words(
    case: Bad, ann: Person, known: dict[str, str], tasks_channel: grpc.aio.Channel
) -> None:
    assert case.rpc is not None
    method, request = filled(list(case.rpc), known)
    status = await refused(tasks_channel, ann, method, request, filled(case.headers, known))
    assert status.code == grpc.StatusCode[case.code].value[0], status
    infos = [unpacked(detail, ErrorInfo) for detail in status.details if detail.Is(ErrorInfo.DESCRIPTOR)]
    assert [(info.domain, info.reason) for info in infos] == [("taskbell", case.reason)]
    rest_method, path, body = filled(list(case.http), known)
    rest: Answer = await ann.ask(rest_method, path, body, **filled(case.headers, known))
    assert rest.body["message"] == status.message
    if case.violates or case.code == "INVALID_ARGUMENT":
        bad = [unpacked(detail, BadRequest) for detail in status.details if detail.Is(BadRequest.DESCRIPTOR)]
        assert case.violates in ["", *(violation.field for violation in bad[0].field_violations)]


async def refused(
    channel: grpc.aio.Channel, person: Person, method: str, request: Json, headers: dict[str, str]
) -> Any:
    """The status of a call that must fail."""
    rpc = tasks_pb2.DESCRIPTOR.services_by_name["TaskService"].methods_by_name[method]
    message = ParseDict(request, getattr(tasks_pb2, rpc.input_type.name)())
    call: Callable[..., Any] = channel.unary_unary(
        f"/taskbell.tasks.v1.TaskService/{method}", request_serializer=lambda sent: sent.SerializeToString()
    )
    authorization = headers.get("Authorization", f"Bearer {person.token}")
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call(message, metadata=(("authorization", authorization),) if authorization else ())
    return rpc_status.from_call(failure.value)


def unpacked(detail: Any, kind: type[Any]) -> Any:
    """A detail as the message that it is."""
    message = kind()
    detail.Unpack(message)
    return message


async def test_a_body_of_5_mb_is_refused(ann: Person, tasks_channel: grpc.aio.Channel) -> None:
    body = json.dumps({"title": "t", "description": "x" * 5_000_000})
    answer = await ann.ask("POST", "/v1/tasks", io.BytesIO(body.encode()))
    assert (answer.status, answer.reason) == (413, "MESSAGE_TOO_LARGE")
    call: Any = tasks_channel.unary_unary("/taskbell.tasks.v1.TaskService/CreateTask")
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call(b"\x12\x80" + b"x" * 5_000_000, metadata=ann.metadata)
    assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_unknown_path_and_a_wrong_method_say_so(ann: Person) -> None:
    nowhere = await ann.ask("GET", "/v1/nowhere")
    assert (nowhere.status, nowhere.reason) == (404, "ROUTE_NOT_FOUND")
    wrong = await ann.ask("PUT", "/v1/tasks", {})
    assert (wrong.status, wrong.reason) == (405, "METHOD_NOT_ALLOWED")
    assert "POST" in wrong.headers["Allow"]


async def test_what_was_refused_left_nothing_behind(newcomer: Callable[[], Any]) -> None:
    person = await newcomer()
    await person.ask("POST", "/v1/tasks:batchCreate", {"requests": [{"task": {"title": "a"}}, {"task": {}}]})
    assert (await person.ask("GET", "/v1/tasks")).body["tasks"] == []
