"""People who use the whole system from outside, over REST and over gRPC."""

import io
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from tests.acceptance.system import RunningSystem, System

if TYPE_CHECKING:
    from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceAsyncStub  # in the stub file only

Json = dict[str, Any]
PASSWORD = "correct horse battery"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Answer:
    """What REST said."""

    status: int
    body: Json
    headers: CIMultiDictProxy[str] = field(repr=False)

    @property
    def reason(self) -> str:
        """The reason in the error's ErrorInfo."""
        infos = [detail for detail in self.body["details"] if detail["@type"].endswith("google.rpc.ErrorInfo")]
        return str(infos[0]["reason"])


@dataclass(frozen=True, slots=True)
class Person:
    """A registered user who is signed in."""

    http: aiohttp.ClientSession
    url: str
    user: Json
    token: str

    @property
    def id(self) -> str:
        return str(self.user["id"])

    @property
    def username(self) -> str:
        return str(self.user["username"])

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a gRPC call of this person carries."""
        return (("authorization", f"Bearer {self.token}"),)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Makes a REST call; `If_Match="x"` is the header If-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", f"Bearer {self.token}")
        data = {"data": body} if isinstance(body, str | io.IOBase) else {"json": body} if body is not None else {}
        if "data" in data:
            named.setdefault("Content-Type", "application/json")
        async with self.http.request(method, self.url + path, headers=named, **data) as response:
            text = await response.text()
            return Answer(response.status, await response.json() if text else {}, response.headers)

    async def make(self, path: str, **body: Any) -> Json:
        """Creates something that must be accepted."""
        answer = await self.ask("POST", path, body)
        assert answer.status == 200, answer
        return answer.body


Newcomer = Callable[[], Awaitable[Person]]


async def register(http: aiohttp.ClientSession, url: str) -> Person:
    """Somebody new, signed in, in the system behind this gateway."""
    name = f"p{next(_numbers)}-{os.urandom(4).hex()}"
    nobody = Person(http, url, {}, "")
    user = await nobody.make("/v1/users", username=name, email=f"{name}@example.com", password=PASSWORD)
    session = await nobody.make("/v1/sessions", username=name, password=PASSWORD)
    return Person(http, url, user, session["accessToken"])


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> System:
    """The system that the environment names, or else the whole stack that the other tests share."""
    running: System = RunningSystem.from_environment() or request.getfixturevalue("stack")
    return running


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def newcomer(system: System, http: aiohttp.ClientSession) -> Newcomer:
    """Registers and signs in somebody new."""

    return partial(register, http, system.http_url)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def ann(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def bob(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def tasks_channel(system: System) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(system.tasks_address) as channel:
        yield channel


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def tasks(tasks_channel: grpc.aio.Channel) -> "TaskServiceAsyncStub":
    return TaskServiceStub(tasks_channel)
