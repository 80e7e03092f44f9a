"""Servers of the tests' own, to be frozen, killed and cut off."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from devstack import nats, valkey
from devstack.folder import open_folder
from devstack.ports import free_port
from devstack.process import Process
from tests.integration.tasksvc.faults.cable import Cable, cable
from tests.integration.tasksvc.faults.replica import Replica, replica, settle_in

PASSWORD = "swordfish"

AddReplica = Callable[..., Awaitable[Replica]]


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    async with open_folder(tmp_path_factory.mktemp("faults")) as (opened, _):
        yield opened


@pytest.fixture(scope="module")
async def redis(folder: Path) -> AsyncIterator[Process]:
    """A Valkey that may come to harm. Each test leaves it well."""
    process = valkey.valkey(folder, free_port(), PASSWORD)
    await process.start()
    yield process
    await process.stop()


@pytest.fixture(scope="module")
async def bus_server(folder: Path) -> AsyncIterator[Process]:
    """A NATS that may come to harm."""
    process = nats.nats(folder, free_port(), PASSWORD)
    await process.start()
    yield process
    await process.stop()


@pytest.fixture(scope="module")
def redis_url(redis: Process) -> str:
    return valkey.url(redis.port, PASSWORD)


@pytest.fixture(scope="module")
def nats_url(bus_server: Process) -> str:
    return nats.url(bus_server.port, PASSWORD)


@pytest.fixture(scope="module")
async def home(database: str) -> tuple[str, str]:
    """A project and a user."""
    return await settle_in(database)


@pytest.fixture(scope="module")
async def add_replica(database: str, redis: Process, home: tuple[str, str]) -> AsyncIterator[AddReplica]:
    """Starts a replica, which reaches Redis through its own cable if there is one."""
    async with AsyncExitStack() as leaving:

        async def add(through: Cable | None = None) -> Replica:
            url = valkey.url(through.port if through else redis.port, PASSWORD)
            return await leaving.enter_async_context(replica(database, url, *home))

        yield add


@pytest.fixture(scope="module")
async def one(add_replica: AddReplica) -> Replica:
    return await add_replica()


@pytest.fixture(scope="module")
async def other(add_replica: AddReplica) -> Replica:
    return await add_replica()


@pytest.fixture(scope="module")
async def its_cable(redis: Process) -> AsyncIterator[Cable]:
    async with cable(redis.port) as between:
        yield between


@pytest.fixture(scope="module")
async def far(add_replica: AddReplica, its_cable: Cable) -> Replica:
    """A replica that can be cut off from Redis."""
    return await add_replica(its_cable)
