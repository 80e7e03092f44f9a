from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from chassis.grpc_client import channel
from devstack.envoy import Envoy
from devstack.errors import StackError
from gatewaysvc import services
from gatewaysvc.app import App
from gatewaysvc.callers import Callers
from gatewaysvc.http_server import HttpServer
from tests.integration.gatewaysvc import peers
from tests.integration.gatewaysvc.peers import GOOD, Asked, Live
from tests.transcoding.echo_types import SERVICES, descriptor_set
from tests.transcoding.echo_types import services as echo_services
from tests.transcoding.upstream import Upstream


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def live() -> Live:
    return Live()


@pytest.fixture
async def tasksvc(asked):
    server, tasks, accounts = peers.tasksvc(asked)
    await server.start()
    yield server, tasks, accounts
    await server.drain(0)


@pytest.fixture
async def notifysvc(asked, live):
    server = peers.notifysvc(asked, live)
    await server.start()
    yield server
    await server.drain(0)


@pytest.fixture
def serving(tasksvc, notifysvc):
    """Starts a gateway before the two services: `async with serving(cors_origins="...") as server`."""

    @asynccontextmanager
    async def serve(*, crowd=None, proxies=(), **options) -> AsyncIterator[HttpServer]:
        async with AsyncExitStack() as stack:
            channels = {
                "tasksvc": await stack.enter_async_context(channel(f"127.0.0.1:{tasksvc[0].port}")),
                "notifysvc": await stack.enter_async_context(channel(f"127.0.0.1:{notifysvc.port}")),
            }
            app = App(channels, proxies=proxies, **options)
            server = HttpServer(app, host="127.0.0.1", port=0, crowd=crowd, proxies=proxies)
            await server.start()
            try:
                yield server
            finally:
                await server.drain(0)

    return serve


@pytest.fixture
async def callers(tasksvc):
    """Who has not learnt any keys yet."""
    async with channel(f"127.0.0.1:{tasksvc[0].port}") as opened:
        yield Callers(opened)


@pytest.fixture
async def gateway(serving):
    async with serving() as server:
        yield server


@pytest.fixture
async def http(gateway):
    """A client that is signed in."""
    url = f"http://127.0.0.1:{gateway.port}"
    async with aiohttp.ClientSession(url, headers=GOOD) as session:
        yield session


# --- the echo service, behind us and behind Envoy ---


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
async def echo_gateway(upstream) -> AsyncIterator[HttpServer]:
    async with channel(f"127.0.0.1:{upstream.port}") as opened:
        echo = [services.Upstream(each, "tasksvc") for each in echo_services()]
        server = HttpServer(App({"tasksvc": opened}, services=echo), host="127.0.0.1", port=0)
        await server.start()
        yield server
        await server.drain(0)


@pytest.fixture(scope="module")
async def envoy(upstream, tmp_path_factory) -> AsyncIterator[Envoy]:
    try:
        running = Envoy(upstream.port, descriptor_set(), SERVICES[:1], tmp_path_factory.mktemp("envoy"))
        await running.process.start()
    except (ImportError, OSError, StackError) as error:
        pytest.skip(f"Envoy does not run on this machine: {str(error).splitlines()[0]}")
    yield running
    await running.process.stop()


@pytest.fixture(scope="module")
async def plain_http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that says nothing of itself."""
    async with aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session:
        yield session
