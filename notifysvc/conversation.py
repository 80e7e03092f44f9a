"""A Connect stream: what the client says, and what it is told, until one of both leaves.

The client is asked for a sign of life so that whatever stands in between sees traffic both ways; a client that is
gone is found by the connection's own keepalive, so an answer isn't insisted on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import structlog
from taskbell.notifications.v1.notifications_pb2 import (
    Ack,
    ConnectRequest,
    ConnectResponse,
    Credit,
    GoingAway,
    Hello,
    InboxState,
    Mark,
    Ping,
    Pong,
    Subscribe,
    SubscribeAll,
    Unsubscribe,
    UnsubscribeAll,
    Welcome,
)

from chassis.errors import CredentialsMissing, InvalidField, ServiceError
from chassis.interceptors import Validated
from chassis.race import run_until
from notifysvc.acks import Acks, Device
from notifysvc.bell import Bell
from notifysvc.credit import Allowance
from notifysvc.feed import Feed
from notifysvc.inbox import Inbox
from notifysvc.line import Context, Gone, Line
from notifysvc.marking import mark
from notifysvc.rights import Guest, Rights
from notifysvc.subscriptions import Subscriptions

HELLO: Final = 10.0
"""Seconds that a client has to say who it is."""
PING: Final = 20.0
RECONNECT_AFTER_MS: Final = 500
_FAREWELL: Final = 1.0
_RETRY: Final = 0.5

_log = structlog.get_logger("notifysvc.conversation")


@dataclass(frozen=True, slots=True)
class Hub:
    """What all streams of this replica have in common."""

    feed: Feed
    rights: Rights
    inbox: Inbox
    bell: Bell
    acks: Acks


async def converse(
    hub: Hub, context: Context, token: str, requests: AsyncIterator[ConnectRequest], leaving: asyncio.Future[None]
) -> None:
    """Talks until the client goes, has to go, or the server leaves. The token may come in the first message."""
    hello = Hello() if token else await _hello(requests)
    with await hub.rights.open(token or hello.token) as guest, suppress(Gone):
        line = Line(context)
        conversation = Conversation(hub, guest, line)
        await conversation.greet(hello)
        del hello, token  # of thousands of streams, each copy counts
        await run_until(conversation.listen(requests), guest.ended, leaving)
        if leaving.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await line.tell(ConnectResponse(going_away=GoingAway(reconnect_after_ms=RECONNECT_AFTER_MS)))


class Conversation:
    """With one guest, who was let in."""

    def __init__(self, hub: Hub, guest: Guest, line: Line) -> None:
        self._hub = hub
        self._guest = guest
        self._line = line
        self._allowance = Allowance()
        self._device = ""
        self._parts = asyncio.TaskGroup()
        self._subscriptions = Subscriptions(hub.feed, guest, line, self._allowance, hub.acks)
        self._unread_asked: asyncio.Event | None = None
        """Set when the unread ones are to be counted; None unless the inbox is followed."""

    async def greet(self, hello: Hello) -> None:
        """Lets the guest know that the token is good."""
        if hello.HasField("credit"):
            self._allowance.grant(hello.credit)
        if hello.device:
            self._device = hello.device
        await self._line.tell(ConnectResponse(welcome=Welcome(user_id=self._guest.user_id)))

    async def listen(self, requests: AsyncIterator[ConnectRequest]) -> None:
        """Does what the client asks for. One that has said all it wanted to say goes on hearing."""
        self._ping_later()
        try:
            async with self._parts:
                while True:
                    try:
                        await self._answer(await anext(requests))
                    except StopAsyncIteration:
                        break
                    except ServiceError as error:
                        await self._line.complain(_about(requests), error)
        except ExceptionGroup as errors:
            gone, others = errors.split(Gone)
            if others is None:
                raise Gone from gone
            raise
        finally:
            self._ping_time.cancel()

    def _ping_later(self) -> None:
        self._ping_time = asyncio.get_running_loop().call_later(PING, lambda: self._parts.create_task(self._ping()))

    async def _ping(self) -> None:
        """Asks for a sign of life, and again some time after the client has taken it."""
        await self._line.tell(ConnectResponse(ping=Ping()))
        self._ping_later()

    async def _answer(self, request: ConnectRequest) -> None:
        kind = request.WhichOneof("message")
        if kind is None:
            raise InvalidField.empty(request.DESCRIPTOR.oneofs_by_name["message"])
        await self._answers[kind](self, getattr(request, kind))

    async def _tell_unread(self, asked: asyncio.Event) -> None:
        """Tells how many notifications are unread, whenever that may have changed, as long as the inbox is followed."""
        with self._hub.bell.listen(self._guest.user_id, asked):
            while self._subscriptions.follow_inbox:
                asked.clear()
                try:
                    unread = await self._hub.inbox.unread(self._guest.user_id)
                except ServiceError as error:
                    _log.warning("unread not counted yet", error=repr(error))
                    await asyncio.sleep(_RETRY)
                else:
                    await self._line.tell(ConnectResponse(inbox=InboxState(unread=unread)))
                    await asked.wait()
        self._unread_asked = None

    async def _renew(self, hello: Hello) -> None:
        if hello.token:
            await self._hub.rights.renew(self._guest, hello.token)
        await self.greet(hello)

    async def _subscribe(self, request: Subscribe) -> None:
        if await self._subscriptions.begin(request, self._parts, self._ask_unread) and request.inbox:
            if self._unread_asked is None:
                self._unread_asked = asyncio.Event()
                self._parts.create_task(self._tell_unread(self._unread_asked))
            self._ask_unread()

    def _ask_unread(self) -> None:
        if self._unread_asked is not None:
            self._unread_asked.set()

    async def _subscribe_all(self, request: SubscribeAll) -> None:
        for each in request.subscriptions:
            await self._subscribe(each)

    async def _unsubscribe(self, request: Unsubscribe) -> None:
        await self._subscriptions.end(request.id)

    async def _unsubscribe_all(self, request: UnsubscribeAll) -> None:
        for name in request.ids:
            await self._subscriptions.end(name)

    async def _acknowledge(self, ack: Ack) -> None:
        device = Device(self._guest.user_id, self._device or self._guest.credential_id)
        await self._subscriptions.acknowledge(ack, device)

    async def _grant(self, credit: Credit) -> None:
        self._allowance.grant(credit.events)

    async def _mark(self, request: Mark) -> None:
        self._guest.may("notifications:write")
        unread = await mark(self._hub.inbox, self._hub.bell, self._guest.user_id, request)
        await self._line.tell(ConnectResponse(inbox=InboxState(unread=unread, id=request.id)))

    async def _hear(self, _pong: Pong) -> None:
        """The traffic was all that it is about."""

    _answers: ClassVar[Mapping[str, Callable[["Conversation", Any], Awaitable[None]]]] = {
        "hello": _renew,
        "subscribe": _subscribe,
        "subscribe_all": _subscribe_all,
        "unsubscribe": _unsubscribe,
        "unsubscribe_all": _unsubscribe_all,
        "ack": _acknowledge,
        "credit": _grant,
        "mark": _mark,
        "pong": _hear,
    }


async def _hello(requests: AsyncIterator[ConnectRequest]) -> Hello:
    """The client's first words, which name its token."""
    try:
        async with asyncio.timeout(HELLO):
            first = await anext(requests)
    except (TimeoutError, StopAsyncIteration):
        raise CredentialsMissing(
            f"Say `hello` with a token within {HELLO:.0f} seconds, or send it in the metadata."
        ) from None
    if not first.hello.token:
        raise CredentialsMissing("Say `hello` with a token first, or send it in the metadata.")
    return first.hello


def _about(requests: AsyncIterator[ConnectRequest]) -> str:
    """The name in the message that couldn't be done."""
    request = requests.latest if isinstance(requests, Validated) else None
    kind = request.WhichOneof("message") if isinstance(request, ConnectRequest) else None
    return getattr(getattr(request, kind), "id", "") if kind else ""
