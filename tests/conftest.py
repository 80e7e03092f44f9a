"""Real servers for every test: started once, with a database, a key space and a bus of its own for each module."""

import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import asyncpg
import pytest

from devstack import nats, postgres, valkey
from devstack.services import MIGRATED, migrate
from devstack.stack import SERVERS_ALONE, Stack
from tests.mailbox import Mailbox

MODULES: Final = 256
"""How many test modules may have a key space and a bus of their own."""

FOR_TESTS: Final = {"TASKBELL_RATE_LIMITS": "off", "TASKBELL_PASSWORD_HASHING": "fast"}
"""What is on in earnest, and would keep hundreds of people waiting who register here."""

FreshDatabase = Callable[[], Awaitable[str]]
MakeStack = Callable[..., Stack]


def pytest_configure(config: pytest.Config) -> None:
    """Keeps compiled code for the child processes between runs where none may be written beside the sources."""
    cache: pytest.Cache | None = getattr(config, "cache", None)  # pytest runs without one on request
    if sys.dont_write_bytecode and cache is not None:
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache.mkdir("pycache")))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # A shell that starts us in the background has us ignore Ctrl-C, and so do the programs that are to be ended by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a test that waits for something leaves its core to another."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """PostgreSQL, Valkey, NATS and the mail inbox, without the services."""
    folder = tmp_path_factory.mktemp("servers")
    async with Stack(data_dir=folder, replicas=SERVERS_ALONE, throwaway=True, isolated=MODULES) as stack:
        yield stack


@pytest.fixture(scope="session")
async def fresh_database(servers: Stack) -> AsyncIterator[FreshDatabase]:
    """Makes migrated, empty databases, each in some 10 ms: `url = await fresh_database()`."""
    for service in MIGRATED:
        await migrate(service, servers.database_url)
    port, password = servers.ports.postgres, servers.secrets.postgres
    connection = await asyncpg.connect(postgres.url(port, password, "postgres"))
    numbers = itertools.count(1)

    async def make() -> str:
        name = f"test_{next(numbers)}"
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres.DATABASE} STRATEGY FILE_COPY")
        return postgres.url(port, password, name)

    yield make
    await connection.close()


@pytest.fixture(scope="module")
async def database(fresh_database: FreshDatabase) -> str:
    """A migrated, empty database."""
    return await fresh_database()


@pytest.fixture(scope="session")
def spaces() -> "itertools.count[int]":
    """Numbers that haven't been used for a key space or a bus."""
    return itertools.count(1)


@pytest.fixture(scope="module")
def redis_url(servers: Stack, spaces: "itertools.count[int]") -> str:
    """An empty key space of Valkey."""
    return valkey.url(servers.ports.valkey, servers.secrets.valkey, next(spaces))


@pytest.fixture(scope="module")
def nats_url(servers: Stack, spaces: "itertools.count[int]") -> str:
    """A bus without streams; nothing published on another one is heard here."""
    return nats.url(servers.ports.nats, servers.secrets.nats, next(spaces))


@pytest.fixture(scope="session")
async def mailbox(servers: Stack) -> AsyncIterator[Mailbox]:
    """What arrives at the servers' SMTP port."""
    async with Mailbox(servers.mail_url) as box:
        yield box


@pytest.fixture(scope="session")
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> MakeStack:
    """A whole stack of one's own, for a test that kills things: `async with make_stack(replicas={...}) as stack`."""

    def make(**wanted: Any) -> Stack:
        wanted.setdefault("data_dir", tmp_path_factory.mktemp("stack"))
        wanted.setdefault("throwaway", True)
        wanted["environment"] = FOR_TESTS | wanted.get("environment", {})
        return Stack(**wanted)

    return make


@pytest.fixture(scope="session")
async def stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """The whole system as it runs, for tests from outside. They leave it running, and share it."""
    async with make_stack() as running:
        yield running
