"""The services behind the gateway, as small as they can be: real gRPC servers that keep what they were asked."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.empty_pb2 import Empty
from taskbell.accounts.v1 import accounts_pb2, accounts_pb2_grpc
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1 import (
    notifications_pb2,
    notifications_pb2_grpc,
    preferences_pb2,
    preferences_pb2_grpc,
)
from taskbell.projects.v1 import projects_pb2, projects_pb2_grpc
from taskbell.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.caller import Caller, authorization, current_call, request_id, traceparent
from chassis.client import Client, Clients
from chassis.errors import CursorTooOld, EtagMismatch, InvalidField, RateLimited, TaskNotFound, TokenInvalid
from chassis.grpc_server import GrpcServer, Service
from chassis.interceptors import tell_open
from tasksvc.access_tokens import SigningKey

KEY = "0123456789abcdef"
ID = "01934f5e-7b1c-7000-8000-000000000001"
ETAG = "e1"
GOOD = {"Authorization": "Bearer good"}


async def authenticate(token: str) -> Caller:
    if token != "good":
        raise TokenInvalid("The token is none of ours.")
    return Caller(user_id="u1", session_id="s1")


@dataclass(slots=True)
class Asked:
    """What the last call brought."""

    request: Any = None
    request_id: str = ""
    traceparent: str = ""
    tracestate: str = ""
    authorization: str = ""
    deadline: float | None = None
    client: Client | None = None

    def note(self, request: Any) -> None:
        self.request = request
        self.request_id, self.traceparent, self.authorization = request_id(), traceparent(), authorization()
        self.deadline, self.tracestate = current_call.get().deadline, current_call.get().tracestate


@dataclass(slots=True)
class Live:
    """What the streams of the notification service do, and whether they were told to end."""

    events: "asyncio.Queue[Event | Exception | None]" = field(default_factory=asyncio.Queue)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Tasks(tasks_pb2_grpc.TaskServiceServicer):
    """One task."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.task = Task(id=ID, title="milk", status=Task.PENDING, priority=Task.NORMAL, version=1, etag=ETAG)
        self.stuck = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def GetTask(self, request, context):
        self._asked.note(request)
        if request.id != ID:
            raise TaskNotFound(f"There is no task {request.id}.")
        return self.task

    async def CreateTask(self, request, context):
        self._asked.note(request)
        return Task(id=ID, title=request.task.title, payload=request.task.payload, etag=ETAG)

    async def UpdateTask(self, request, context):
        self._asked.note(request)
        if request.task.etag not in ("", ETAG):
            raise EtagMismatch("The task changed.", metadata={"etag": ETAG})
        return Task(id=ID, title=request.task.title, etag="e2")

    async def DeleteTask(self, request, context):
        self._asked.note(request)
        return Task(id=ID, etag="e2")

    async def StartTask(self, request, context):
        self._asked.note(request)
        return Task(id=ID, status=Task.IN_PROGRESS, etag="e2")

    async def ListTasks(self, request, context):
        self._asked.note(request)
        return tasks_pb2.ListTasksResponse()

    async def SearchTasks(self, request, context):
        if request.query == "bug":
            raise RuntimeError("a secret of ours")
        self.stuck.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class Accounts(accounts_pb2_grpc.AccountServiceServicer):
    """No accounts, but keys."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.keys: list[SigningKey] = []

    async def GetJwks(self, request, context):
        return accounts_pb2.Jwks(keys=[accounts_pb2.Jwk(kid=key.kid, x=key.x) for key in self.keys])

    async def LogIn(self, request, context):
        self._asked.note(request)
        if request.username == "guessed":
            raise RateLimited("Too many wrong passwords.", retry_after=7.5, metadata={"limit": "10"})
        self._asked.client = Clients(KEY).of(context.invocation_metadata(), context.peer())
        return accounts_pb2.Session(access_token="good", expires_in=900)

    async def LogOut(self, request, context):
        return Empty()


class Notifications(notifications_pb2_grpc.NotificationServiceServicer):
    """Streams that say what the test puts into their queue."""

    def __init__(self, asked: Asked, live: Live) -> None:
        self._asked = asked
        self._live = live

    async def Watch(self, request, context):  # type: ignore[override]  # writes its answers itself
        self._asked.note(request)
        scheme, _, token = authorization().partition(" ")
        await authenticate("good" if scheme == "Ticket" else token)
        if request.after == "old":
            raise CursorTooOld("Events so old are no longer kept.")
        try:
            self._live.begun.set()
            await tell_open(context)
            while (event := await self._live.events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                await context.write(event)
        finally:
            self._live.ended.set()

    async def Connect(self, requests, context):
        self._asked.note(None)
        answer = notifications_pb2.ConnectResponse
        try:
            scheme, _, token = authorization().partition(" ")
            token = "good" if scheme == "Ticket" else token
            async for request in requests:
                match request.WhichOneof("message"):
                    case "hello":
                        token = request.hello.token
                        await authenticate(token)
                        yield answer(welcome=notifications_pb2.Welcome(user_id="u1"))
                    case "subscribe":
                        await authenticate(token)
                        yield answer(subscribed=notifications_pb2.Subscribed(id=request.subscribe.id, recovered=True))
                    case "unsubscribe":
                        return
        finally:
            self._live.ended.set()


class Preferences(preferences_pb2_grpc.PreferenceServiceServicer):
    """Knows one link."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    async def Unsubscribe(self, request, context):
        self._asked.note(request)
        if request.token != "good":
            raise InvalidField.named("token", request.token, "is not from a mail of ours")
        return preferences_pb2.UnsubscribeResponse()


def served(add, servicer, file, name):
    return Service(add, servicer, file.services_by_name[name])


def grpc_server(*services: Service) -> GrpcServer:
    return GrpcServer(services, host="127.0.0.1", port=0, authenticate=authenticate, service_key=KEY)


def tasksvc(asked: Asked) -> tuple[GrpcServer, Tasks, Accounts]:
    tasks = Tasks(asked)  # type: ignore[abstract]  # what it doesn't have is UNIMPLEMENTED
    accounts = Accounts(asked)  # type: ignore[abstract]  # likewise
    projects = projects_pb2_grpc.ProjectServiceServicer()  # type: ignore[abstract]  # likewise
    server = grpc_server(
        served(tasks_pb2_grpc.add_TaskServiceServicer_to_server, tasks, tasks_pb2.DESCRIPTOR, "TaskService"),
        served(
            accounts_pb2_grpc.add_AccountServiceServicer_to_server, accounts, accounts_pb2.DESCRIPTOR, "AccountService"
        ),
        served(
            projects_pb2_grpc.add_ProjectServiceServicer_to_server, projects, projects_pb2.DESCRIPTOR, "ProjectService"
        ),
    )
    return server, tasks, accounts


def notifysvc(asked: Asked, live: Live) -> GrpcServer:
    servicer = Notifications(asked, live)  # type: ignore[abstract]  # likewise
    add = notifications_pb2_grpc.add_NotificationServiceServicer_to_server
    preferences = Preferences(asked)  # type: ignore[abstract]  # likewise
    return grpc_server(
        served(add, servicer, notifications_pb2.DESCRIPTOR, "NotificationService"),
        served(
            preferences_pb2_grpc.add_PreferenceServiceServicer_to_server,
            preferences,
            preferences_pb2.DESCRIPTOR,
            "PreferenceService",
        ),
    )
