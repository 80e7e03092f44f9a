import asyncio
import time

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode
from taskbell.accounts.v1.accounts_pb2 import IntrospectTokenRequest, Principal
from taskbell.notifications.v1.notifications_pb2 import WatchRequest
from taskbell.queues.v1.queues_pb2 import LeaseTasksRequest, LeaseTasksResponse
from taskbell.tasks.v1.tasks_pb2 import CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, Task

from chassis.caller import Call, as_call, authorization, current_call, request_id, traceparent
from chassis.errors import Conflict, DeadlineExceeded, Unavailable
from chassis.grpc_client import ATTEMPTS, DEADLINE
from tests.unit.chassis.conftest import SERVICE_KEY

ID = "0194e7a4-0000-7000-8000-000000000000"
ROUNDING = 0.5  # gRPC rounds a timeout up on the wire
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_call_carries_on_what_is_known_of_the_call_that_it_is_made_for(serve, client):
    seen = []

    async def get_task(_request, _context):
        seen.append((authorization(), request_id(), traceparent()))
        return Task()

    stub = client(await serve(GetTask=get_task), authorization="")
    with as_call(Call("the-request", TRACE, "Bearer person")):
        await stub.GetTask(GetTaskRequest(id=ID))
    assert seen == [("Bearer person", "the-request", TRACE)]


async def test_a_stream_carries_it_on_too(serve, client):
    seen = []

    async def watch(_request, _context):
        seen.append((authorization(), request_id(), traceparent()))
        return
        yield

    stub = client(await serve(Watch=watch), authorization="")
    with as_call(Call("the-request", TRACE, "Bearer person")):
        call = stub.Watch(WatchRequest())
    assert [event async for event in call] == []
    assert seen == [("Bearer person", "the-request", TRACE)]


async def test_a_service_calls_by_its_key_whoever_it_calls_for(serve, client):
    async def introspect(_request, _context):
        return Principal(user_id=authorization())

    stub = client(await serve(IntrospectToken=introspect), service_key=SERVICE_KEY)
    with as_call(Call("the-request", "", "Bearer person")):
        answer = await stub.IntrospectToken(IntrospectTokenRequest(token="t"))
    assert answer.user_id == f"Service {SERVICE_KEY}"


@pytest.fixture
def remaining():
    """How long the servicer's caller waits for it."""

    class Remaining:
        seconds = 0.0

        async def __call__(self, _request, context):
            self.seconds = context.time_remaining()
            return Task()

    return Remaining()


@pytest.mark.parametrize(("left", "most"), [(None, DEADLINE), (60.0, DEADLINE), (3.0, 3.0)])
async def test_a_call_waits_no_longer_than_its_own_caller(serve, client, remaining, left, most):
    deadline = None if left is None else time.monotonic() + left
    stub = client(await serve(GetTask=remaining))
    with as_call(Call(deadline=deadline)):
        await stub.GetTask(GetTaskRequest(id=ID))
    assert most - 2 < remaining.seconds < most + ROUNDING


@pytest.mark.parametrize(("left", "most"), [(None, DEADLINE + 31), (15.0, 15.0)])
async def test_a_long_poll_may_wait_as_long_as_it_says_and_no_longer_than_its_caller(serve, client, left, most):
    remaining = []

    async def lease_tasks(_request, context):
        remaining.append(context.time_remaining())
        return LeaseTasksResponse()

    deadline = None if left is None else time.monotonic() + left
    stub = client(await serve(LeaseTasks=lease_tasks))
    with as_call(Call(deadline=deadline)):
        await stub.LeaseTasks(LeaseTasksRequest(queue="jobs", wait=Duration(seconds=30)))
    assert most - 2 < remaining[0] < most + ROUNDING


async def test_a_call_whose_caller_waits_no_more_is_not_made(serve, client, remaining):
    stub = client(await serve(GetTask=remaining))
    with as_call(Call(deadline=time.monotonic() - 1)), pytest.raises(DeadlineExceeded):
        await stub.GetTask(GetTaskRequest(id=ID))


async def test_the_servicers_own_calls_inherit_its_deadline(serve, client, remaining):
    beneath = client(await serve(GetTask=remaining))

    async def get_task(request, _context):
        assert current_call.get().deadline is not None
        return await beneath.GetTask(request)

    await client(await serve(GetTask=get_task)).GetTask(GetTaskRequest(id=ID), timeout=4)
    assert 2 < remaining.seconds < 4 + ROUNDING


class Flaky:
    """Refuses with an error the first times that it is called."""

    def __init__(self, failures, error):
        self.failures, self.error, self.calls = failures, error, 0

    async def __call__(self, _request, _context):
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return Task(title="at last")


AWAY = Unavailable("Away for a moment.")


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GetTask", GetTaskRequest(id=ID)),
        ("CreateTask", CreateTaskRequest(task=Task(title="milk"), request_id="r1")),
    ],
)
async def test_what_does_no_harm_twice_is_tried_again(serve, client, method, request_):
    flaky = Flaky(ATTEMPTS - 1, AWAY)
    answer = await getattr(client(await serve(**{method: flaky})), method)(request_)
    assert (answer.title, flaky.calls) == ("at last", ATTEMPTS)


@pytest.mark.parametrize(
    ("method", "request_", "error", "calls"),
    [
        ("GetTask", GetTaskRequest(id=ID), AWAY, ATTEMPTS),
        ("GetTask", GetTaskRequest(id=ID), Conflict("no"), 1),
        ("CreateTask", CreateTaskRequest(task=Task(title="milk")), AWAY, 1),
        ("DeleteTask", DeleteTaskRequest(id=ID), AWAY, 1),
    ],
)
async def test_all_else_is_told_at_once_and_nothing_is_tried_for_ever(serve, client, method, request_, error, calls):
    flaky = Flaky(100, error)
    with pytest.raises(type(error)):
        await getattr(client(await serve(**{method: flaky})), method)(request_)
    assert flaky.calls == calls


async def test_another_error_on_a_repeat_is_the_one_that_is_told(serve, client):
    class Changing(Flaky):
        async def __call__(self, request, context):
            if self.calls:
                self.error = Conflict("changed meanwhile")
            return await super().__call__(request, context)

    flaky = Changing(100, AWAY)
    with pytest.raises(Conflict):
        await client(await serve(GetTask=flaky)).GetTask(GetTaskRequest(id=ID))
    assert flaky.calls == 2


async def test_a_server_that_stops_loses_no_call_while_there_is_another_one(serve, client):
    """gRPC's server cancels what has come and not begun when it stops."""
    answered = asyncio.Semaphore(0)

    async def get_task(_request, _context):
        answered.release()
        return Task(title="here")

    leaving, staying = await serve(GetTask=get_task), await serve(GetTask=get_task)
    stub = client(f"ipv4:127.0.0.1:{leaving.port},127.0.0.1:{staying.port}")

    async def ask():
        return [(await stub.GetTask(GetTaskRequest(id=ID))).title for _ in range(20)]

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask()) for _ in range(100)]
        for _ in range(500):
            await answered.acquire()
        await leaving.drain(5)
    assert [each.result() for each in asking] == [["here"] * 20] * 100


@pytest.mark.parametrize(("then", "calls"), [(StatusCode.CANCELLED, ATTEMPTS), (StatusCode.UNAVAILABLE, 2)])
async def test_what_a_stopping_server_has_not_begun_is_made_again_whatever_it_is(serve, client, then, calls):
    seen: list[StatusCode] = []

    async def delete_task(_request, context):
        seen.append(StatusCode.CANCELLED if not seen else then)
        await context.abort(seen[-1], "")

    with pytest.raises(Unavailable):
        await client(await serve(DeleteTask=delete_task)).DeleteTask(DeleteTaskRequest(id=ID))
    assert len(seen) == calls
