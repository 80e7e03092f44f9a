"""A fleet of one tasksvc and one of three, and boards: each test has a project of its own there."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import grpc.aio
import pytest
from taskbell.accounts.v1 import accounts_pb2 as accounts
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceStub

from chassis.grpc_client import channel
from devstack import nats, valkey
from devstack.ports import free_port
from devstack.process import Process
from devstack.services import Surroundings, service
from devstack.stack import Stack
from tests.conformance.board import Board
from tests.conftest import FreshDatabase

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)

NewBoard = Callable[[], Awaitable[Board]]


@pytest.fixture(scope="session", params=[1, 3], ids=["one-tasksvc", "three-tasksvc"])
async def fleet(
    request: pytest.FixtureRequest, servers: Stack, fresh_database: FreshDatabase, spaces: "itertools.count[int]"
) -> AsyncIterator[Sequence[Process]]:
    """The replicas, with a database, a cache and a bus of their own."""
    space = next(spaces)
    environment = {
        "TASKBELL_SERVICE_KEY": "a key that the services share",
        "TASKBELL_DATABASE_URL": await fresh_database(),
        "TASKBELL_REDIS_URL": valkey.url(servers.ports.valkey, servers.secrets.valkey, space),
        "TASKBELL_NATS_URL": nats.url(servers.ports.nats, servers.secrets.nats, space),
    }
    async with AsyncExitStack() as leaving:
        replicas = []
        for number in range(request.param):
            name = f"tasksvc-of-{request.param}-{number}"
            replica = service("tasksvc", name, free_port(), 0, Surroundings(servers.folder, environment))
            await replica.start()
            leaving.push_async_callback(replica.stop)
            replicas.append(replica)
        yield replicas


@pytest.fixture(scope="session")
async def new_board(fleet: Sequence[Process]) -> AsyncIterator[NewBoard]:
    """Somebody new, with an empty project: `board = await new_board()`."""
    async with AsyncExitStack() as leaving:

        async def come() -> Board:
            name = f"conformist-{next(_numbers)}"
            async with channel(fleet[0].address) as wire:
                account = AccountServiceStub(wire)
                await account.RegisterUser(
                    accounts.RegisterUserRequest(username=name, email=f"{name}@example.com", password=PASSWORD)
                )
                session = await account.LogIn(accounts.LogInRequest(username=name, password=PASSWORD))
            authorization = f"Bearer {session.access_token}"
            wires = [channel(each.address, authorization=authorization) for each in fleet]
            for wire in wires:
                leaving.push_async_callback(wire.close)
            return await _empty_project(name, wires)

        yield come


@pytest.fixture(scope="session")
async def owner(new_board: NewBoard) -> Board:
    """Who the boards belong to: signing in is made slow on purpose."""
    return await new_board()


@pytest.fixture
async def board(owner: Board) -> Board:
    """A project with nothing in it."""
    return await _empty_project(owner.username, owner.wires)


async def _empty_project(username: str, wires: Sequence[grpc.aio.Channel]) -> Board:
    project = await ProjectServiceStub(wires[0]).CreateProject(
        projects.CreateProjectRequest(project=projects.Project(title="work"))
    )
    return Board(username, project.id, wires)
