"""Handlers when what they stand on dies under them."""

from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from taskbell.accounts.v1 import accounts_pb2 as accounts
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub
from taskbell.comments.v1.comments_pb2_grpc import CommentServiceStub
from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceStub
from taskbell.queues.v1 import queues_pb2 as queues
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub
from taskbell.tasks.v1.tasks_pb2 import Task
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from chassis.grpc_client import channel
from devstack.stack import Stack
from tests.conftest import MakeStack
from tests.integration.tasksvc.conftest import PASSWORD, Api, Person
from tests.integration.tasksvc.handlers.conftest import Desk, Gate


@pytest.fixture(scope="module")
async def stack(make_stack: MakeStack, installed: None) -> AsyncIterator[Stack]:
    """PostgreSQL, NATS and a tasksvc of our own."""
    async with make_stack(replicas={"tasksvc": 1}) as running:
        yield running


@pytest.fixture(scope="module")
async def session(stack: Stack) -> accounts.Session:
    async with channel(stack.tasksvc.address) as wire:
        account = AccountServiceStub(wire)
        await account.RegisterUser(
            accounts.RegisterUserRequest(username="ann", email="ann@example.com", password=PASSWORD)
        )
        return await account.LogIn(accounts.LogInRequest(username="ann", password=PASSWORD))


@pytest.fixture(scope="module")
async def wire(stack: Stack, session: accounts.Session) -> AsyncIterator[grpc.aio.Channel]:
    async with channel(stack.tasksvc.address, authorization=f"Bearer {session.access_token}") as wire:
        yield wire


@pytest.fixture(scope="module")
def ann(session: accounts.Session, wire: grpc.aio.Channel) -> Person:
    api = Api(
        AccountServiceStub(wire),
        ProjectServiceStub(wire),
        TaskServiceStub(wire),
        QueueServiceStub(wire),
        CommentServiceStub(wire),
    )
    return Person(session.user, session, api)


async def test_after_a_kill_the_work_goes_on_where_it_was(stack: Stack, ann: Person, desk: Desk, gate: Gate) -> None:
    queue = queues.Queue(name="wait", project_id=desk.project_id, default_lease_duration=Duration(seconds=2))
    await ann.api.queues.UpdateQueue(queues.UpdateQueueRequest(queue=queue))
    task = await desk.add("wait", gate.payload)
    await gate.begun()
    await stack.tasksvc.kill()
    gate.open()
    await stack.tasksvc.start()
    done = await desk.ended(task)
    assert (done.status, done.result["attempt"]) == (Task.COMPLETED, 2)
    assert done.last_error.startswith("The lease of tasksvc@")
    assert await desk.history(task) == [
        "task.created",
        "task.started",
        "task.retried",
        "task.started",
        "task.completed",
    ]


async def test_a_result_outlives_an_outage_of_the_database(stack: Stack, desk: Desk, gate: Gate) -> None:
    task = await desk.add("wait", gate.payload)
    await gate.begun()
    await stack.postgres.stop()
    gate.open()
    await stack.postgres.start()
    done = await desk.ended(task)
    assert (done.status, done.result["attempt"]) == (Task.COMPLETED, 1)
    assert not gate.was_left
    assert (await desk.ended(await desk.add("double", {"number": 3}))).result["doubled"] == 6


async def test_without_the_bus_work_goes_on(stack: Stack, desk: Desk, gate: Gate) -> None:
    waiting = await desk.add("wait", gate.payload)
    await gate.begun()
    await stack.nats.kill()
    assert (await desk.ended(await desk.add("double", {"number": 3}))).result["doubled"] == 6
    await desk.cancel(waiting)
    await gate.stopped()
    await stack.nats.start()
