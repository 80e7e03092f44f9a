"""A peer that fails on demand, and clients of it."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc.aio
import pytest
import pytest_asyncio
from taskbell.accounts.v1.accounts_pb2_grpc import add_AccountServiceServicer_to_server
from taskbell.notifications.v1.notifications_pb2_grpc import add_NotificationServiceServicer_to_server
from taskbell.tasks.v1.tasks_pb2_grpc import add_TaskServiceServicer_to_server

from cli.client import Client
from cli.config_file import ConfigFile, Context, Session
from tests.integration.cli.peer import Accounts, Notifications, Peer, Tasks

Opened = Callable[..., Client]


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    """The server."""
    told = Peer()
    server = grpc.aio.server()
    add_AccountServiceServicer_to_server(Accounts(told), server)  # type: ignore[abstract]  # the rest isn't called
    add_TaskServiceServicer_to_server(Tasks(told), server)  # type: ignore[abstract]  # the rest isn't called
    add_NotificationServiceServicer_to_server(Notifications(told), server)  # type: ignore[abstract]  # the rest isn't called
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


@pytest.fixture
def client(opened: Opened) -> Client:
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
