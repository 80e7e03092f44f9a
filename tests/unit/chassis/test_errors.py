"""Every error, from where it is raised to where somebody reads of it."""

import re
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest

from chassis.errors import (
    DeadlineExceeded,
    FieldViolation,
    InvalidField,
    MessageTooLarge,
    MethodNotImplemented,
    RateLimited,
    ServiceError,
    TaskNotFound,
    Unavailable,
    UnknownError,
    from_rpc_error,
    from_status,
    http_status,
    to_status,
)

KINDS = sorted(ServiceError.kinds(), key=lambda kind: kind.reason)
TASK = GetTaskRequest(id="0194e7a4-0000-7000-8000-000000000000")
PAGE = Path(__file__).parents[3] / "docs" / "errors.md"
HTTP_OF_CODES = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
HTTP_OF_REASONS = {
    "ETAG_MISMATCH": 412,
    "MESSAGE_TOO_LARGE": 413,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TOO_SLOW": 408,
    "UNSUPPORTED_MEDIA_TYPE": 415,
}


@pytest.fixture
def raised(serve, client):
    """The error that our client raises when a servicer raises this one."""

    async def travel(error):
        async def get_task(_request, _context):
            raise error

        with pytest.raises(ServiceError) as caught:
            await client(await serve(GetTask=get_task)).GetTask(TASK)
        return caught.value

    return travel


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_an_error_is_the_same_at_the_caller_as_where_it_was_raised(kind, serve, client, bare):
    error = kind(
        "Задачи больше нет: it is so.",
        metadata={"key": "value"},
        violations=[FieldViolation("task.title", "'' is empty")],
        retry_after=1.5,
    )

    async def get_task(_request, _context):
        raise error

    server = await serve(GetTask=get_task)

    # For a stranger: gRPC's richer error model.
    call = bare(server).unary_unary("/taskbell.tasks.v1.TaskService/GetTask")(
        TASK.SerializeToString(), metadata=(("authorization", "Bearer person"),)
    )
    assert await call.code() is kind.code
    assert await call.details() == "Задачи больше нет: it is so."
    details = dict(await call.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    assert status.code == kind.code.value[0]
    info, retry, request = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
    for packed, unpacked in zip(status.details, (info, retry, request), strict=True):
        assert packed.Unpack(unpacked)
    assert (info.domain, info.reason, dict(info.metadata)) == ("taskbell", kind.reason, {"key": "value"})
    assert retry.retry_delay.ToMilliseconds() == 1500
    assert [(each.field, each.description) for each in request.field_violations] == [("task.title", "'' is empty")]

    # For us: the class itself.
    with pytest.raises(ServiceError) as caught:
        await client(server).GetTask(TASK)
    known = caught.value
    assert type(known) is kind
    assert (str(known), known.metadata, known.retry_after) == (str(error), {"key": "value"}, 1.5)
    assert known.violations == error.violations
    assert known.exit_code == 64 + kind.code.value[0]
    assert http_status(known) == HTTP_OF_REASONS.get(kind.reason, HTTP_OF_CODES[kind.code.name])


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.code is grpc.StatusCode.INVALID_ARGUMENT], ids=lambda kind: kind.__name__
)
def test_bad_input_always_names_what_is_wrong(kind):
    error = kind("so it is", violations=[FieldViolation("task.title", "is empty")] if not kind.field else ())
    assert [each.field for each in error.violations] == [kind.field or "task.title"]
    assert kind.field or kind.reason in {"INVALID_FIELD", "UNKNOWN_FIELD"}


def test_no_two_errors_share_a_reason():
    reasons = [kind.reason for kind in KINDS]
    assert len(set(reasons)) == len(reasons)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*[A-Z0-9]", reason) for reason in reasons)


def test_no_error_has_a_constructor_of_its_own():
    assert not [kind for kind in KINDS if "__init__" in vars(kind)]


def test_the_page_on_errors_lists_each_of_them_as_it_is():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    expected = []
    for kind in KINDS:
        http = HTTP_OF_REASONS.get(kind.reason, HTTP_OF_CODES[kind.code.name])
        meaning = " ".join(str(kind.__doc__).split())
        expected.append(f"| `{kind.reason}` | {kind.code.name} | {http} | {64 + kind.code.value[0]} | {meaning} |")
    assert rows == expected


async def test_a_long_text_and_a_thousand_violations_arrive_as_far_as_metadata_carry_them(raised):
    violations = [FieldViolation(f"requests[{n}].task.title", "ж" * 600) for n in range(1000)]
    known = await raised(InvalidField("ю" * 5000, violations=violations))
    assert type(known) is InvalidField
    assert len(str(known)) == 400
    assert 1 <= len(known.violations) < 1000


async def test_an_unknown_reason_keeps_what_came():
    status = to_status(TaskNotFound("gone"))
    info = error_details_pb2.ErrorInfo(reason="QUOTA_SPENT", domain="taskbell")
    status.details[0].Pack(info)
    error = from_status(status)
    assert type(error) is UnknownError
    assert (error.code, error.reason, str(error)) == (grpc.StatusCode.NOT_FOUND, "QUOTA_SPENT", "gone")
    assert (http_status(error), error.exit_code) == (404, 69)


async def test_another_domains_reason_is_not_taken_for_ours():
    status = to_status(TaskNotFound("gone"))
    status.details[0].Pack(error_details_pb2.ErrorInfo(reason="TASK_NOT_FOUND", domain="example.com"))
    assert type(from_status(status)) is UnknownError


async def test_no_server_is_unavailable(serve, client):
    server = await serve()
    await server.drain(0)
    with pytest.raises(Unavailable):
        await client(server).DeleteTask(TASK)


async def test_a_deadline_that_passes_is_deadline_exceeded(serve, client, forever):
    with pytest.raises(DeadlineExceeded):
        await client(await serve(GetTask=forever)).GetTask(TASK, timeout=0.05)


async def test_a_request_beyond_4_mib_is_message_too_large(serve, client):
    with pytest.raises(MessageTooLarge) as caught:
        await client(await serve()).GetTask(GetTaskRequest(id="x" * (4 * 1024 * 1024)))
    assert http_status(caught.value) == 413


async def test_a_method_that_nobody_wrote_is_method_not_implemented(serve, client):
    with pytest.raises(MethodNotImplemented, match="GetTask"):
        await client(await serve()).GetTask(TASK)


async def test_a_method_of_no_service_is_told_with_its_reason(serve, bare):
    with pytest.raises(grpc.RpcError) as caught:
        await bare(await serve()).unary_unary("/some.Other/Method")(b"")
    assert isinstance(from_rpc_error(caught.value), MethodNotImplemented)
    assert "some.Other/Method" in str(caught.value.details())


async def test_details_that_cannot_be_read_leave_the_code():
    metadata = grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff"))
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), metadata, details="away")
    assert type(from_rpc_error(error)) is Unavailable


async def test_an_error_out_of_a_task_group_is_told_as_itself(raised):
    known = await raised(ExceptionGroup("a task group's", [ExceptionGroup("and its", [RateLimited("slowly")])]))
    assert type(known) is RateLimited
