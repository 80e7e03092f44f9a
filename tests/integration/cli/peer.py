"""A server of the tests' own, which can be told to fail: what a real one does too seldom to be waited for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from google.protobuf.empty_pb2 import Empty
from taskbell.accounts.v1 import accounts_pb2, accounts_pb2_grpc
from taskbell.notifications.v1 import notifications_pb2, notifications_pb2_grpc
from taskbell.queues.v1 import queues_pb2, queues_pb2_grpc
from taskbell.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from chassis.errors import (
    CredentialsMissing,
    RefreshTokenReused,
    ServiceError,
    TokenExpired,
    Unavailable,
    to_status,
)
from chassis.service_error import STATUS_KEY

ANN = accounts_pb2.User(id="0190a0b0-0000-7000-8000-00000000a000", username="ann")
Line = Callable[["Conversation"], Any]


@dataclass
class Peer:
    """What the server was told to do, and what it has heard."""

    failures: deque[ServiceError] = field(default_factory=deque)
    """Raised instead of the next answers."""
    stuck: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, answers wait for it."""
    heard: list[Any] = field(default_factory=list)
    refreshes: int = 0
    live_tokens: set[str] = field(default_factory=lambda: {"access-0"})
    refresh_token: str = "refresh-0"
    script: deque[Callable[["Conversation"], Any]] = field(default_factory=deque)
    """What each conversation in turn does."""
    address: str = ""

    def __post_init__(self) -> None:
        self.stuck.set()

    async def answers(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Notes the request; fails as told."""
        self.heard.append(request)
        await self.stuck.wait()
        if self.failures:
            await refuse(context, self.failures.popleft())

    async def knows(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Refuses a call without a live token."""
        sent = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not sent:
            await refuse(context, CredentialsMissing("who are you?"))
        if str(sent).removeprefix("Bearer ") not in self.live_tokens:
            await refuse(context, TokenExpired("the access token has ended"))


@dataclass
class Conversation:
    """One Connect or Work stream, from the server's side."""

    context: grpc.aio.ServicerContext[Any, Any]
    requests: AsyncIterator[Any]
    heard: list[Any]
    response: Any

    async def hears(self, kind: str) -> Any:
        """The next message of that kind."""
        async for request in self.requests:
            self.heard.append(request)
            if request.WhichOneof("message") == kind:
                return getattr(request, kind)
        raise AssertionError(f"the client hung up without {kind}")

    async def says(self, **message: Any) -> None:
        """Sends a message to the client."""
        await self.context.write(self.response(**message))

    async def fails(self, error: ServiceError) -> None:
        """Ends the stream."""
        await refuse(self.context, error)


async def refuse(context: grpc.aio.ServicerContext[Any, Any], error: ServiceError) -> None:
    """Ends a call as the services do."""
    details = ((STATUS_KEY, to_status(error).SerializeToString()),)
    await context.abort(error.code, error.message, details)


class Accounts(accounts_pb2_grpc.AccountServiceServicer):
    """Rotates refresh tokens, and ends the session when one comes twice."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def GetUser(self, request: Any, context: Any) -> accounts_pb2.User:
        await self._peer.knows(context)
        await self._peer.answers(request, context)
        return ANN

    async def RefreshSession(self, request: Any, context: Any) -> accounts_pb2.Session:
        peer = self._peer
        peer.refreshes += 1
        await peer.answers(request, context)
        if request.refresh_token != peer.refresh_token:
            peer.live_tokens.clear()
            await refuse(context, RefreshTokenReused("the refresh token was used before"))
        access, peer.refresh_token = f"access-{peer.refreshes}", f"refresh-{peer.refreshes}"
        peer.live_tokens.add(access)
        return accounts_pb2.Session(access_token=access, refresh_token=peer.refresh_token, expires_in=900, user=ANN)

    async def LogOut(self, request: Any, context: Any) -> Empty:
        await self._peer.knows(context)
        await self._peer.answers(request, context)
        return Empty()

    async def CreateToken(self, request: Any, context: Any) -> accounts_pb2.Token:
        await self._peer.answers(request, context)
        return accounts_pb2.Token(name=request.token.name, secret="tb_secret")


class Tasks(tasks_pb2_grpc.TaskServiceServicer):
    """Creates and shows tasks."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def CreateTask(self, request: Any, context: Any) -> tasks_pb2.Task:
        await self._peer.answers(request, context)
        return tasks_pb2.Task(title=request.task.title)

    async def GetTask(self, request: Any, context: Any) -> tasks_pb2.Task:
        await self._peer.answers(request, context)
        return tasks_pb2.Task(id=request.id)


class Notifications(notifications_pb2_grpc.NotificationServiceServicer):
    """Talks by the script."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def Connect(self, requests: Any, context: Any) -> None:  # type: ignore[override]  # it writes instead of yielding
        if not self._peer.script:
            await refuse(context, Unavailable("the script is over"))
        await context.send_initial_metadata(())
        response = notifications_pb2.ConnectResponse
        await self._peer.script.popleft()(Conversation(context, requests, self._peer.heard, response))


class Queues(queues_pb2_grpc.QueueServiceServicer):
    """Talks by the script."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def Work(self, requests: Any, context: Any) -> None:  # type: ignore[override]  # it writes instead of yielding
        await self._peer.knows(context)
        if not self._peer.script:
            await refuse(context, Unavailable("the script is over"))
        await context.send_initial_metadata(())
        await self._peer.script.popleft()(Conversation(context, requests, self._peer.heard, queues_pb2.WorkResponse))
