"""A stack whose every process traces to a collector of ours and writes all of its logs."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest_asyncio

from devstack.ports import free_port
from devstack.process import Process
from devstack.services import Surroundings, service
from devstack.stack import Stack
from tests.acceptance.conftest import PASSWORD, Person
from tests.conftest import MakeStack
from tests.integration.observability.collector import Collector
from tests.mailbox import Mailbox

Newcomer = Callable[[], Awaitable[Person]]
AddGateway = Callable[..., Awaitable[Process]]


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as collector:
        yield collector


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def traced(make_stack: MakeStack, collector: Collector) -> AsyncIterator[Stack]:
    """A whole system that traces every call."""
    environment = {
        "TASKBELL_OTLP_ENDPOINT": collector.address,
        "TASKBELL_LOG_LEVEL": "debug",
        "TASKBELL_WEBHOOK_ALLOW_PRIVATE": "on",
        "OTEL_BSP_SCHEDULE_DELAY": "100",  # OpenTelemetry's own: milliseconds between two batches
    }
    async with make_stack(environment=environment) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def add_gateway(traced: Stack) -> AsyncIterator[AddGateway]:
    """Starts one more gateway with settings of its own: `await add_gateway(TRACE_SAMPLING="0")`."""
    async with AsyncExitStack() as stack:

        async def add(metrics_port: int = 0, **settings: str) -> Process:
            named = {f"TASKBELL_{name}": value for name, value in settings.items()}
            surroundings = Surroundings(traced.folder, traced.service_environment() | named)
            port = free_port()
            process = service("gatewaysvc", f"gatewaysvc-{port}", port, metrics_port, surroundings)
            stack.push_async_callback(process.stop)
            await process.start()
            return process

        yield add


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def mails(traced: Stack) -> AsyncIterator[Mailbox]:
    async with Mailbox(traced.mail_url) as box:
        yield box


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def newcomer(traced: Stack, http: aiohttp.ClientSession) -> Newcomer:
    """Registers and signs in somebody new."""

    async def register() -> Person:
        name = f"p-{os.urandom(6).hex()}"
        nobody = Person(http, traced.http_url, {}, "")
        user = await nobody.make("/v1/users", username=name, email=f"{name}@example.com", password=PASSWORD)
        session = await nobody.make("/v1/sessions", username=name, password=PASSWORD)
        return Person(http, traced.http_url, user, session["accessToken"])

    return register
