"""A peer that fails on demand, and clients of it."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import grpc.aio
import pytest
import pytest_asyncio
from taskbell.accounts.v1.accounts_pb2_grpc import add_AccountServiceServicer_to_server
from taskbell.notifications.v1.notifications_pb2_grpc import add_NotificationServiceServicer_to_server
from taskbell.queues.v1.queues_pb2_grpc import add_QueueServiceServicer_to_server
from taskbell.tasks.v1.tasks_pb2_grpc import add_TaskServiceServicer_to_server

from cli.client import Client
from cli.config_file import ConfigFile, Context, Session
from devstack.stack import Stack
from tests.integration.cli.peer import Accounts, Notifications, Peer, Queues, Tasks
from tests.integration.cli.terminal import Terminal
from tests.integration.operations.conftest import sign_up

Opened = Callable[..., Client]


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    """The server."""
    told = Peer()
    server = grpc.aio.server()
    add_AccountServiceServicer_to_server(Accounts(told), server)  # type: ignore[abstract]  # the rest isn't called
    add_TaskServiceServicer_to_server(Tasks(told), server)  # type: ignore[abstract]  # the rest isn't called
    add_NotificationServiceServicer_to_server(Notifications(told), server)  # type: ignore[abstract]  # the rest isn't called
    add_QueueServiceServicer_to_server(Queues(told), server)  # type: ignore[abstract]  # the rest isn't called
    told.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield told
    await server.stop(None)


@pytest_asyncio.fixture
async def opened(peer: Peer) -> AsyncIterator[Opened]:
    """Makes clients of the peer, and closes them."""
    clients: list[Client] = []

    def make(**settings: object) -> Client:
        client = Client(**{"tasks_address": peer.address, "notify_address": peer.address, **settings})  # type: ignore[arg-type]  # a test's own choice
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


@pytest_asyncio.fixture
async def client(opened: Opened) -> Client:
    """A client with a token that never ends."""
    return opened(token="access-0")


@pytest_asyncio.fixture
async def logged_in(peer: Peer, tmp_path: Path) -> ConfigFile:
    """A configuration with a session at the peer."""
    file = ConfigFile(tmp_path / "config.json")
    async with file.change() as config:
        session = Session("ann", access_token="access-0", refresh_token="refresh-0", expires=time.time() + 900)
        config.contexts["default"] = Context(peer.address, peer.address, session=session)
    return file


@pytest.fixture
def nobody(stack: Stack, tmp_path: Path) -> Terminal:
    """A terminal where nobody is logged in."""
    addresses = {"TASKBELL_TASKS_ADDRESS": stack.tasks_address, "TASKBELL_NOTIFY_ADDRESS": stack.notify_address}
    return Terminal(tmp_path / "nobody" / "config", stack.http_url, addresses)


@pytest_asyncio.fixture(scope="module")
async def somebody(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Awaitable[Terminal]]:
    """Registers people, each at a terminal of their own: over REST, and their sessions are kept as by `register`."""
    addresses = {"TASKBELL_TASKS_ADDRESS": stack.tasks_address, "TASKBELL_NOTIFY_ADDRESS": stack.notify_address}

    async def register() -> Terminal:
        name = f"p-{os.urandom(5).hex()}"
        terminal = Terminal(tmp_path_factory.mktemp(name) / "config", stack.http_url, addresses, name)
        async with aiohttp.ClientSession() as http:
            session = await sign_up(http, stack, name)
        async with ConfigFile(terminal.config).change() as config:
            config.context("default").session = Session(
                name, session["accessToken"], session["refreshToken"], time.time() + session["expiresIn"]
            )
        return terminal

    return register


@pytest_asyncio.fixture(scope="module")
async def ann(somebody: Callable[[], Awaitable[Terminal]]) -> Terminal:
    """Somebody who is logged in."""
    return await somebody()


@pytest_asyncio.fixture(scope="module")
async def bob(somebody: Callable[[], Awaitable[Terminal]]) -> Terminal:
    """Somebody else who is logged in."""
    return await somebody()
