"""notifysvc as a process, beside a tasksvc that does as it is told."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg
import grpc.aio
import pytest
import pytest_asyncio
from taskbell.notifications.v1 import notifications_pb2 as pb
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceStub

from chassis import jetstream
from chassis.jetstream import Bus
from devstack import services
from devstack.ports import free_port
from devstack.process import Process
from devstack.services import Surroundings
from devstack.stack import Stack
from tests.integration.notifysvc.listening import Connected, Watching
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.preferring import Preferring
from tests.integration.notifysvc.publisher import Publisher

SERVICE_KEY = "a key that the services share"

StartReplica = Callable[..., Awaitable[Process]]
Watch = Callable[..., Watching]
Connect = Callable[..., Connected]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def peer() -> AsyncIterator[Peer]:
    peer = Peer(SERVICE_KEY)  # type: ignore[abstract]  # the methods that nobody calls are left out
    await peer.start()
    yield peer
    await peer.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with jetstream.connect(nats_url) as bus:
        await bus.ready()
        yield bus


@pytest.fixture(scope="module")
def publisher(bus: Bus, peer: Peer) -> Publisher:
    return Publisher(bus, peer)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def start_replica(servers: Stack, database: str, nats_url: str, peer: Peer) -> AsyncIterator[StartReplica]:
    """Starts one more notifysvc on the module's database and bus; more settings may be named."""
    async with AsyncExitStack() as stack:

        async def start(program: str = "", **settings: str) -> Process:
            known = {
                "DATABASE_URL": database,
                "DATABASE_POOL": "4",
                "NATS_URL": nats_url,
                "TASKS_ADDRESS": peer.address,
                "SERVICE_KEY": SERVICE_KEY,
                "SMTP_PORT": str(servers.ports.smtp),
                "PUBLIC_URL": "https://tasks.example.com/",
            }
            environment = {f"TASKBELL_{name}": value for name, value in (known | settings).items()}
            surroundings = Surroundings(servers.folder, environment)
            name = f"notifysvc-{uuid4().hex[:8]}"
            process = services.service("notifysvc", name, free_port(), free_port(), surroundings)
            if program:
                process.command = [sys.executable, "-m", program, "serve"]
            stack.push_async_callback(process.stop)
            await process.start()
            return process

        yield start


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def notifysvc(start_replica: StartReplica) -> Process:
    return await start_replica()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def channel(notifysvc: Process) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(notifysvc.address) as channel:
        yield channel


@pytest.fixture(scope="module")
def watch(channel: grpc.aio.Channel) -> Watch:
    def begin(person: Person, **wanted: object) -> Watching:
        return Watching(channel, person, pb.WatchRequest(**wanted))  # type: ignore[arg-type]  # a test knows its fields

    return begin


@pytest.fixture(scope="module")
def connect(channel: grpc.aio.Channel) -> Connect:
    def begin(person: Person | None = None, *, token: str = "") -> Connected:
        return Connected(channel, person, token=token)

    return begin


@pytest.fixture(scope="module")
def inbox(channel: grpc.aio.Channel) -> Any:
    """The inbox's methods."""
    return NotificationServiceStub(channel)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def preferring(channel: grpc.aio.Channel, database: str) -> AsyncIterator[Preferring]:
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as rows:
        yield Preferring(channel, rows)


@pytest.fixture
def project() -> str:
    """A project that no other test uses."""
    return str(uuid4())
