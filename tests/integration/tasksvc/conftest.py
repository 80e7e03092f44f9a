"""A tasksvc of each module's own, as a process, and people who call it over gRPC."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import asyncpg
import pytest
from taskbell.accounts.v1 import accounts_pb2 as accounts
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub
from taskbell.comments.v1.comments_pb2_grpc import CommentServiceStub
from taskbell.projects.v1.projects_pb2 import AddMemberRequest, Member
from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceStub
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from chassis.grpc_client import channel
from devstack.ports import free_port
from devstack.process import Process
from devstack.services import Surroundings, service
from devstack.stack import Stack
from tests.integration.tasksvc.outbox import Outbox

if TYPE_CHECKING:
    from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceAsyncStub
    from taskbell.comments.v1.comments_pb2_grpc import CommentServiceAsyncStub
    from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceAsyncStub
    from taskbell.queues.v1.queues_pb2_grpc import QueueServiceAsyncStub
    from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceAsyncStub

SERVICE_KEY = "a key that the services share"
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)

StartReplica = Callable[..., Awaitable[Process]]


@dataclass(frozen=True, slots=True)
class Api:
    """tasksvc, as one caller reaches it."""

    accounts: "AccountServiceAsyncStub"
    projects: "ProjectServiceAsyncStub"
    tasks: "TaskServiceAsyncStub"
    queues: "QueueServiceAsyncStub"
    comments: "CommentServiceAsyncStub"


Dial = Callable[..., Api]


@dataclass(frozen=True, slots=True)
class Person:
    """A registered user who is signed in."""

    user: accounts.User
    session: accounts.Session
    api: Api

    @property
    def id(self) -> str:
        return self.user.id

    @property
    def username(self) -> str:
        return self.user.username


Newcomer = Callable[[], Awaitable[Person]]


@pytest.fixture(scope="module")
async def start_replica(servers: Stack, database: str, redis_url: str, nats_url: str) -> AsyncIterator[StartReplica]:
    """Starts a tasksvc on the module's servers: `await start_replica(access_token_lifetime="0")`."""
    async with AsyncExitStack() as leaving:

        async def start(**settings: str) -> Process:
            environment = {
                "TASKBELL_PASSWORD_HASHING": "fast",
                "TASKBELL_SERVICE_KEY": SERVICE_KEY,
                "TASKBELL_DATABASE_URL": database,
                "TASKBELL_REDIS_URL": redis_url,
                "TASKBELL_NATS_URL": nats_url,
                **{f"TASKBELL_{name.upper()}": value for name, value in settings.items()},
            }
            process = service(
                "tasksvc", f"tasksvc-{next(_numbers)}", free_port(), 0, Surroundings(servers.folder, environment)
            )
            await process.start()
            leaving.push_async_callback(process.stop)
            return process

        yield start


@pytest.fixture(scope="module")
async def replica(start_replica: StartReplica) -> Process:
    """A tasksvc with the usual settings."""
    return await start_replica()


@pytest.fixture(scope="module")
async def other_replica(start_replica: StartReplica, replica: Process) -> Process:
    """A second tasksvc beside the first one."""
    return await start_replica()


@pytest.fixture(scope="module")
async def dial() -> AsyncIterator[Dial]:
    """Connects to a replica with a bearer token, or with the services' key, or with nothing."""
    async with AsyncExitStack() as leaving:

        def connect(process: Process, token: str = "", *, service_key: str = "") -> Api:
            wire = channel(process.address, service_key=service_key, authorization=f"Bearer {token}" if token else "")
            leaving.push_async_callback(wire.close)
            return Api(
                AccountServiceStub(wire),
                ProjectServiceStub(wire),
                TaskServiceStub(wire),
                QueueServiceStub(wire),
                CommentServiceStub(wire),
            )

        yield connect


@pytest.fixture(scope="module")
async def anonymous(replica: Process, dial: Dial) -> Api:
    """Somebody without credentials."""
    return dial(replica)


@pytest.fixture(scope="module")
async def another_service(replica: Process, dial: Dial) -> Api:
    """Another of Taskbell's services."""
    return dial(replica, service_key=SERVICE_KEY)


@pytest.fixture(scope="module")
async def newcomer(replica: Process, dial: Dial, anonymous: Api) -> Newcomer:
    """Registers somebody new and signs them in: `ann = await newcomer()`."""

    async def come() -> Person:
        name = f"user-{next(_numbers)}"
        await anonymous.accounts.RegisterUser(
            accounts.RegisterUserRequest(username=name, email=f"{name}@example.com", password=PASSWORD)
        )
        session = await anonymous.accounts.LogIn(accounts.LogInRequest(username=name, password=PASSWORD))
        return Person(session.user, session, dial(replica, session.access_token))

    return come


@pytest.fixture(scope="module")
async def ann(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture(scope="module")
async def bob(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture(scope="module")
async def outbox(database: str, nats_url: str) -> AsyncIterator[Outbox]:
    """The module's outbox, and the stream that it is published to."""
    async with Outbox.open(database, nats_url) as found:
        yield found


async def join(owner: Person, project_id: str, person: Person, role: Member.Role.ValueType) -> None:
    """Makes somebody a member."""
    member = Member(user_id=person.id, role=role)
    await owner.api.projects.AddMember(AddMemberRequest(project_id=project_id, member=member))


@pytest.fixture
async def sql(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A look into the module's database."""
    connection = await asyncpg.connect(database, server_settings={"search_path": "tasksvc, public"})
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
def at(dial: Dial) -> Callable[[Person, Process], Person]:
    """The same person, calling another replica."""

    def move(person: Person, process: Process) -> Person:
        return replace(person, api=dial(process, person.session.access_token))

    return move
