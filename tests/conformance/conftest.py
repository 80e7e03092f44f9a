"""A fleet of one tasksvc and one of three, and boards: each test has a project of its own there."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

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
from tests.conftest import FOR_TESTS, FreshDatabase

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)

NewBoard = Callable[[], Awaitable[Board]]
StartFleet = Callable[[int], Awaitable[tuple["Fleet", Board]]]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas with a database, a cache and a bus of their own."""

    replicas: Sequence[Process]
    leaving: AsyncExitStack

    async def newcomer(self) -> Board:
        """Somebody new, with an empty project."""
        name = f"conformist-{next(_numbers)}"
        async with channel(self.replicas[0].address) as wire:
            account = AccountServiceStub(wire)
            await account.RegisterUser(
                accounts.RegisterUserRequest(username=name, email=f"{name}@example.com", password=PASSWORD)
            )
            session = await account.LogIn(accounts.LogInRequest(username=name, password=PASSWORD))
        authorization = f"Bearer {session.access_token}"
        wires = [channel(each.address, authorization=authorization) for each in self.replicas]
        for wire in wires:
            self.leaving.push_async_callback(wire.close)
        return await _empty_project(name, wires)


@pytest.fixture(scope="session")
async def start_fleet(
    servers: Stack, fresh_database: FreshDatabase, spaces: "itertools.count[int]"
) -> AsyncIterator[StartFleet]:
    """Starts so many replicas, and registers who the boards belong to."""
    async with AsyncExitStack() as leaving:

        async def start(size: int) -> tuple[Fleet, Board]:
            space = next(spaces)
            environment = FOR_TESTS | {
                "TASKBELL_SERVICE_KEY": "a key that the services share",
                "TASKBELL_DATABASE_URL": await fresh_database(),
                "TASKBELL_REDIS_URL": valkey.url(servers.ports.valkey, servers.secrets.valkey, space),
                "TASKBELL_NATS_URL": nats.url(servers.ports.nats, servers.secrets.nats, space),
            }
            surroundings = Surroundings(servers.folder, environment)
            replicas = [
                service("tasksvc", f"tasksvc-of-{size}-{number}", free_port(), 0, surroundings)
                for number in range(size)
            ]
            for replica in replicas:
                leaving.push_async_callback(replica.stop)
            await asyncio.gather(*(replica.start() for replica in replicas))
            fleet = Fleet(replicas, leaving)
            return fleet, await fleet.newcomer()

        yield start


@pytest.fixture(scope="session")
async def one_tasksvc(start_fleet: StartFleet) -> tuple[Fleet, Board]:
    """A fleet of one."""
    return await start_fleet(1)


@pytest.fixture(scope="session")
async def three_tasksvc(start_fleet: StartFleet) -> tuple[Fleet, Board]:
    """A fleet of three."""
    return await start_fleet(3)


@pytest.fixture(params=["one_tasksvc", "three_tasksvc"], ids=["one-tasksvc", "three-tasksvc"])
def fleet_and_owner(request: pytest.FixtureRequest) -> tuple[Fleet, Board]:
    """Each in turn. Not the parameter of a session's fixture: that is made anew whenever the other had its turn."""
    chosen: tuple[Fleet, Board] = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def new_board(fleet_and_owner: tuple[Fleet, Board]) -> NewBoard:
    """Somebody new, with an empty project: `board = await new_board()`."""
    return fleet_and_owner[0].newcomer


@pytest.fixture
async def board(fleet_and_owner: tuple[Fleet, Board]) -> Board:
    """A project with nothing in it."""
    _, owner = fleet_and_owner
    return await _empty_project(owner.username, owner.wires)


async def _empty_project(username: str, wires: Sequence[grpc.aio.Channel]) -> Board:
    project = await ProjectServiceStub(wires[0]).CreateProject(
        projects.CreateProjectRequest(project=projects.Project(title="work"))
    )
    return Board(username, project.id, wires)
