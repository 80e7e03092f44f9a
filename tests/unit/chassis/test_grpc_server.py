"""What a client of any of our servers meets, whatever its services do."""

import asyncio
import socket

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import (
    ConnectRequest,
    ConnectResponse,
    Error,
    Ping,
    Pong,
    Subscribe,
    WatchRequest,
)
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest, Task

from chassis.caller import request_id
from chassis.errors import (
    Cancelled,
    Conflict,
    CredentialsMissing,
    Internal,
    InvalidField,
    MalformedMessage,
    TaskNotFound,
    Unavailable,
)
from chassis.grpc_server import GrpcServer
from chassis.run import CannotStart
from tests.unit.chassis.conftest import SERVICE_KEY, authenticate

GET_TASK = GetTaskRequest(id="0194e7a4-0000-7000-8000-000000000000")
PERSON = (("authorization", "Bearer person"),)
GET_TASK_PATH = "/taskbell.tasks.v1.TaskService/GetTask"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


async def get_task(request, _context):
    return Task(id=request.id)


# --- one message, one answer ---


async def test_an_answer_arrives(serve, client):
    assert (await client(await serve(GetTask=get_task)).GetTask(GET_TASK)).id == GET_TASK.id


async def test_all_who_call_in_the_same_moment_are_answered_however_busy_the_server_is(serve):
    server = await serve(GetTask=get_task)
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        get = channel.unary_unary(GET_TASK_PATH, GetTaskRequest.SerializeToString, Task.FromString)
        calls = [get.future(GET_TASK, metadata=PERSON) for _ in range(1500)]  # before the server has its next turn
        answers = await asyncio.to_thread(lambda: [call.result(timeout=100) for call in calls])
    assert {answer.id for answer in answers} == {GET_TASK.id}


async def test_a_mistake_of_ours_is_told_to_the_log_and_not_to_the_caller(serve, client):
    async def get_task(_request, _context):
        raise KeyError("password of the database")

    with capture_logs() as logs, pytest.raises(Internal) as caught:
        await client(await serve(GetTask=get_task)).GetTask(GET_TASK)
    assert "password" not in str(caught.value)
    (line,) = [line for line in logs if line["event"] == "call failed"]
    assert (line["log_level"], line["method"], type(line["exc_info"])) == ("error", GET_TASK_PATH, KeyError)


async def test_an_answer_of_the_wrong_type_is_a_mistake_of_ours(serve, client):
    async def get_task(_request, _context):
        return None

    with capture_logs(), pytest.raises(Internal):
        await client(await serve(GetTask=get_task)).GetTask(GET_TASK)


async def test_bytes_that_are_no_message_are_refused(serve, bare):
    call = bare(await serve(GetTask=get_task)).unary_unary(GET_TASK_PATH)(b"\xff\xff", metadata=PERSON)
    assert await call.code() is MalformedMessage.code
    assert b"MALFORMED_MESSAGE" in dict(await call.trailing_metadata())["grpc-status-details-bin"]


async def test_an_invalid_request_never_reaches_the_servicer(serve, client):
    async def get_task(_request, _context):
        pytest.fail("it did")

    with pytest.raises(InvalidField, match="'42' must be a valid UUID"):
        await client(await serve(GetTask=get_task)).GetTask(GetTaskRequest(id="42"))


async def test_what_another_service_refused_is_refused_in_turn(serve, client, bare):
    async def gone(_request, _context):
        raise TaskNotFound("It is gone.")

    beneath = bare(await serve(GetTask=gone))

    async def get_task(request, _context):
        return await beneath.unary_unary(GET_TASK_PATH)(request.SerializeToString(), metadata=PERSON)

    with pytest.raises(TaskNotFound, match="It is gone"):
        await client(await serve(GetTask=get_task)).GetTask(GET_TASK)


async def test_a_servicer_may_abort_by_itself(serve, client):
    async def get_task(_request, context):
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not today")

    with pytest.raises(Unavailable, match="not today"):
        await client(await serve(GetTask=get_task)).GetTask(GET_TASK)


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-123", True), ("x" * 128, True), ("x" * 129, False), ("", False), (None, False)]
)
async def test_the_request_id_is_taken_or_made_and_comes_back(serve, client, given, kept):
    seen = []

    async def get_task(_request, _context):
        seen.append(request_id())
        raise Conflict("whether it ends well or not")

    call = client(await serve(GetTask=get_task)).GetTask(
        GET_TASK, metadata=() if given is None else (("x-request-id", given),)
    )
    with pytest.raises(Conflict):
        await call
    assert (await call.trailing_metadata())["x-request-id"] == seen[0]
    assert (seen[0] == given) is kept
    assert seen[0]


async def test_a_cancelled_call_is_cancelled_in_the_servicer_too(serve, client, forever):
    call = client(await serve(GetTask=forever)).GetTask(GET_TASK)
    waiting = asyncio.ensure_future(_wait(call))
    await forever.begun.wait()
    call.cancel()
    await forever.cancelled.wait()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _wait(call):
    return await call


async def test_a_deadline_ends_the_servicers_work_too(serve, bare, forever):
    call = bare(await serve(GetTask=forever)).unary_unary(GET_TASK_PATH)(
        GET_TASK.SerializeToString(), timeout=0.1, metadata=PERSON
    )
    await forever.cancelled.wait()
    assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED


# --- streams ---


async def test_a_stream_says_at_once_that_it_is_open_and_which_call_it_is(serve, client):
    go = asyncio.Event()

    async def watch(_request, _context):
        await go.wait()
        yield Event(event_id="1")

    call = client(await serve(Watch=watch)).Watch(WatchRequest(), metadata=(("x-request-id", "mine"),))
    assert (await call.initial_metadata())["x-request-id"] == "mine"
    go.set()
    assert [event.event_id async for event in call] == ["1"]


async def test_a_servicer_may_write_its_answers_instead_of_yielding_them(serve, client):
    async def watch(_request, context):
        for number in "12":
            await context.write(Event(event_id=number))

    assert [event.event_id async for event in client(await serve(Watch=watch)).Watch(WatchRequest())] == ["1", "2"]


async def test_a_stream_that_fails_half_way_tells_why(serve, client):
    async def watch(_request, _context):
        yield Event(event_id="1")
        raise Conflict("half way")

    call = client(await serve(Watch=watch)).Watch(WatchRequest())
    assert (await call.read()).event_id == "1"
    with pytest.raises(Conflict, match="half way"):
        await call.read()


async def test_a_stream_of_an_invalid_request_is_refused_like_a_call(serve, client):
    async def watch(_request, _context):
        pytest.fail("it was opened")
        yield

    with pytest.raises(InvalidField):
        await client(await serve(Watch=watch)).Watch(WatchRequest(project="?")).read()


async def test_a_stream_that_may_not_be_opened_is_refused_like_a_call(serve, client):
    async def work(_requests, _context):
        pytest.fail("it was opened")
        yield

    with pytest.raises(CredentialsMissing):
        await client(await serve(Work=work), "").Work().read()


async def test_each_message_of_a_conversation_is_checked_as_it_arrives_and_the_next_one_is_still_read(serve, client):
    async def connect(requests, _context):
        while True:
            try:
                request = await anext(requests)
            except StopAsyncIteration:
                return
            except InvalidField as error:
                yield ConnectResponse(error=Error(message=str(error)))
            else:
                yield ConnectResponse(ping=Ping()) if request.HasField("pong") else ConnectResponse()

    call = client(await serve(Connect=connect)).Connect()
    await call.write(ConnectRequest(subscribe=Subscribe(id="s1", project="?")))
    assert (await call.read()).error.message == "subscribe.project: '?' must be a valid UUID"
    await call.write(ConnectRequest(pong=Pong()))
    assert (await call.read()).HasField("ping")
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_an_invalid_message_ends_a_conversation_that_does_not_care(serve, client):
    async def connect(requests, _context):
        async for _ in requests:
            yield ConnectResponse()

    call = client(await serve(Connect=connect)).Connect()
    await call.write(ConnectRequest(subscribe=Subscribe(id="")))
    with pytest.raises(InvalidField, match=r"subscribe\.id"):
        await call.read()


async def test_a_clients_stream_gets_one_answer_and_each_of_its_messages_is_checked(serve, bare, probe):
    async def collect(requests, _context):
        return Task(title=",".join([request.id[-1] async for request in requests]))

    service = probe(Collect=({"client_streaming": True, "anonymous": True}, collect))
    method = bare(await serve([service])).stream_unary(
        f"/{service.descriptor.full_name}/Collect", GetTaskRequest.SerializeToString, Task.FromString
    )
    ids = [GET_TASK.id[:-1] + end for end in "123"]
    assert (await method(iter([GetTaskRequest(id=each) for each in ids]))).title == "1,2,3"
    refused = method(iter([GetTaskRequest(id=ids[0]), GetTaskRequest(id="?")]))
    assert await refused.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_client_that_leaves_ends_the_servicers_stream_and_closes_its_generator(serve, client):
    begun, closed = asyncio.Event(), asyncio.Event()

    async def watch(_request, _context):
        try:
            begun.set()
            while True:
                yield Event()
                await asyncio.sleep(0)
        finally:
            closed.set()

    call = client(await serve(Watch=watch)).Watch(WatchRequest())
    await begun.wait()
    call.cancel()
    await closed.wait()


# --- health and reflection ---


@pytest.fixture
def health(bare):
    return lambda server: health_pb2_grpc.HealthStub(bare(server))


@pytest.mark.parametrize("service", ["", "taskbell.tasks.v1.TaskService"])
async def test_a_served_service_is_healthy(serve, health, service):
    answer = await health(await serve()).Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == SERVING


async def test_the_health_of_a_service_that_is_not_served_is_not_found(serve, health):
    with pytest.raises(grpc.RpcError) as caught:
        await health(await serve()).Check(health_pb2.HealthCheckRequest(service="other"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_watcher_learns_that_the_server_leaves_and_does_not_hold_it_up(serve, health):
    server = await serve()
    watch = health(server).Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == SERVING
    async with asyncio.timeout(30):
        await server.drain(60)
    assert (await watch.read()).status == NOT_SERVING
    assert await watch.read() is grpc.aio.EOF


async def test_a_watcher_of_an_unknown_service_is_told_so(serve, health):
    watch = health(await serve()).Watch(health_pb2.HealthCheckRequest(service="other"))
    assert (await watch.read()).status == SERVICE_UNKNOWN
    watch.cancel()


async def test_reflection_lists_the_services_and_knows_their_types(serve, bare):
    stub = reflection_pb2_grpc.ServerReflectionStub(bare(await serve()))
    questions = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="taskbell.tasks.v1.TaskService"),
    ]
    listed, found = [answer async for answer in stub.ServerReflectionInfo(iter(questions))]
    names = {service.name for service in listed.list_services_response.service}
    assert {"taskbell.tasks.v1.TaskService", "grpc.health.v1.Health"} <= names
    assert found.file_descriptor_response.file_descriptor_proto


# --- the end, and the beginning ---


async def test_a_draining_server_finishes_the_calls_in_flight(serve, client):
    begun, go = asyncio.Event(), asyncio.Event()

    async def get_task(request, _context):
        begun.set()
        await go.wait()
        return Task(id=request.id)

    server = await serve(GetTask=get_task)
    call = asyncio.ensure_future(_wait(client(server).GetTask(GET_TASK)))
    await begun.wait()
    drained = asyncio.ensure_future(server.drain(60))
    await asyncio.sleep(0)
    go.set()
    assert (await call).id == GET_TASK.id
    await drained


async def test_a_call_that_outlasts_the_grace_period_is_cancelled(serve, client, forever):
    server = await serve(GetTask=forever)
    call = asyncio.ensure_future(_wait(client(server).GetTask(GET_TASK)))
    await forever.begun.wait()
    await server.drain(0.05)
    await forever.cancelled.wait()
    with pytest.raises((Unavailable, Cancelled)):
        await call


async def test_a_client_is_asked_to_connect_anew_which_no_call_and_no_stream_notices(serve, client):
    connections, more = set(), asyncio.Event()

    async def get_task(_request, context):
        connections.add(context.peer())
        return Task(title="milk")

    async def watch(_request, _context):
        yield Event(event_id="before")
        await more.wait()
        yield Event(event_id="after")

    stub = client(await serve(GetTask=get_task, Watch=watch, connection_age=0.05))
    stream = stub.Watch(WatchRequest())
    assert (await stream.read()).event_id == "before"
    while len(connections) < 5:
        assert (await stub.GetTask(GET_TASK)).title == "milk"
    more.set()
    assert (await stream.read()).event_id == "after"


async def test_a_port_that_is_taken_is_told_plainly():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = GrpcServer([], host="127.0.0.1", port=port, authenticate=authenticate, service_key=SERVICE_KEY)
        with pytest.raises(CannotStart, match=f"127.0.0.1:{port}"):
            await server.start()
        await server.drain(0)
