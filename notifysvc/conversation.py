"""A Connect stream: what the client says, and what it is told, until one of both leaves.

Subscriptions, the unread count, pings and answers take turns at writing. None of them has a queue: a client that
doesn't read holds up its own stream, and nothing else.

The client is asked for a sign of life so that whatever stands in between sees traffic both ways; a client that is
gone is found by the connection's own keepalive, so an answer isn't insisted on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Final, TypeAlias

import grpc
import structlog
from taskbell.notifications.v1.notifications_pb2 import (
    Ack,
    ConnectRequest,
    ConnectResponse,
    Error,
    Events,
    Gap,
    GoingAway,
    InboxState,
    Ping,
    ProgressMark,
    Subscribe,
    Subscribed,
    Unsubscribed,
    Welcome,
)

from chassis.errors import (
    CredentialsMissing,
    CursorTooOld,
    InvalidField,
    ServiceError,
    SubscriptionExists,
    SubscriptionNotFound,
    TooManySubscriptions,
)
from chassis.interceptors import Validated
from chassis.race import race
from notifysvc.bell import Bell
from notifysvc.cursor import Cursor
from notifysvc.feed import Feed
from notifysvc.inbox import Inbox
from notifysvc.rights import Guest, Rights
from notifysvc.subscription import Batch, Delivery, Lost, Progress, Subscription

Context: TypeAlias = grpc.aio.ServicerContext[ConnectRequest, ConnectResponse]

HELLO: Final = 10.0
"""Seconds that a client has to say who it is."""
PING: Final = 20.0
MOST_SUBSCRIPTIONS: Final = 100
RECONNECT_AFTER_MS: Final = 500
_FAREWELL: Final = 1.0
_RETRY: Final = 0.5

_log = structlog.get_logger("notifysvc.conversation")


class _Gone(Exception):
    """The client has left while it was told something."""


class Conversation:
    """One stream with one client."""

    def __init__(self, feed: Feed, rights: Rights, inbox: Inbox, bell: Bell, context: Context) -> None:
        self._feed = feed
        self._rights = rights
        self._inbox = inbox
        self._bell = bell
        self._context = context
        self._turn = asyncio.Lock()
        self._subscriptions: dict[str, Subscription] = {}
        self._unread_asked = asyncio.Event()

    async def hold(self, token: str, requests: AsyncIterator[ConnectRequest], leaving: asyncio.Event) -> None:
        """Talks until the client goes, has to go, or the server leaves. The token may come in the first message."""
        guest = await self._rights.open(token or await _hello(requests))
        with self._rights.present(guest), self._bell.listen(guest.user_id) as self._unread_asked, suppress(_Gone):
            await self._welcome(guest)
            await race(
                self._listen(guest, requests), self._ping(), self._tell_unread(guest), guest.ended(), leaving.wait()
            )
            if leaving.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_FAREWELL):
                        await self._tell(ConnectResponse(going_away=GoingAway(reconnect_after_ms=RECONNECT_AFTER_MS)))

    async def _listen(self, guest: Guest, requests: AsyncIterator[ConnectRequest]) -> None:
        """Does what the client asks for. One that has said all it wanted to say goes on hearing."""
        try:
            async with asyncio.TaskGroup() as pumps:
                while True:
                    try:
                        await self._answer(guest, await anext(requests), pumps)
                    except StopAsyncIteration:
                        break
                    except ServiceError as error:
                        await self._complain(_refused(requests), error)
        except ExceptionGroup as errors:
            gone, others = errors.split(_Gone)
            if others is None:
                raise _Gone from gone
            raise

    async def _answer(self, guest: Guest, request: ConnectRequest, pumps: asyncio.TaskGroup) -> None:
        match request.WhichOneof("message"):
            case "hello":
                await self._rights.renew(guest, request.hello.token)
                await self._welcome(guest)
            case "subscribe":
                await self._subscribe(guest, request.subscribe, pumps)
            case "unsubscribe":
                await self._unsubscribe(request.unsubscribe.id)
            case "ack":
                await self._acknowledge(request.ack)
            case None:
                raise InvalidField.named("message", None, "is nothing that this server knows")

    async def _subscribe(self, guest: Guest, request: Subscribe, pumps: asyncio.TaskGroup) -> None:
        name = request.id
        try:
            if name in self._subscriptions:
                raise SubscriptionExists(f"The subscription {name!r} runs already.")
            if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
                raise TooManySubscriptions(
                    f"A stream has {MOST_SUBSCRIPTIONS} subscriptions at most: open another one."
                )
            subscription, recovered = await self._begin(guest, request)
        except ServiceError as error:
            await self._complain(name, error)
            return
        self._subscriptions[name] = subscription
        head = str(subscription.head)
        await self._tell(ConnectResponse(subscribed=Subscribed(id=name, head=head, recovered=recovered)))
        if request.after and not recovered:
            await self._tell(ConnectResponse(gap=Gap(id=name, head=head)))
        pumps.create_task(self._pump(name, subscription))
        if request.inbox:
            self._unread_asked.set()

    async def _begin(self, guest: Guest, request: Subscribe) -> tuple[Subscription, bool]:
        """The subscription, and whether it goes on where `after` says."""
        try:
            return await self._feed.subscribe(guest, request), bool(request.after)
        except CursorTooOld:
            from_now = Subscribe()
            from_now.CopyFrom(request)
            from_now.ClearField("after")
            return await self._feed.subscribe(guest, from_now), False

    async def _pump(self, name: str, subscription: Subscription) -> None:
        """Tells what a subscription brings, until it ends."""
        try:
            async with aclosing(subscription.deliveries()) as deliveries:
                async for delivery in deliveries:
                    await self._tell(_told(name, delivery))
        except ServiceError as error:
            del self._subscriptions[name]
            await self._complain(name, error)
        else:
            del self._subscriptions[name]
            await self._tell(ConnectResponse(unsubscribed=Unsubscribed(id=name)))

    async def _unsubscribe(self, name: str) -> None:
        if subscription := await self._named(name):
            subscription.stop()

    async def _acknowledge(self, ack: Ack) -> None:
        if await self._named(ack.id) and ack.cursor:
            try:
                Cursor.parse(ack.cursor)
            except ServiceError as error:
                await self._complain(ack.id, error)

    async def _named(self, name: str) -> Subscription | None:
        subscription = self._subscriptions.get(name)
        if subscription is None:
            await self._complain(name, SubscriptionNotFound(f"There is no subscription {name!r} on this stream."))
        return subscription

    async def _tell_unread(self, guest: Guest) -> None:
        while True:
            await self._unread_asked.wait()
            self._unread_asked.clear()
            if not any(each.interest.inbox for each in self._subscriptions.values()):
                continue
            try:
                unread = await self._inbox.unread(guest.user_id)
            except ServiceError as error:
                _log.warning("unread not counted yet", error=repr(error))
                await asyncio.sleep(_RETRY)
                self._unread_asked.set()
            else:
                await self._tell(ConnectResponse(inbox=InboxState(unread=unread)))

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING)
            await self._tell(ConnectResponse(ping=Ping()))

    async def _welcome(self, guest: Guest) -> None:
        await self._tell(ConnectResponse(welcome=Welcome(user_id=guest.user_id)))

    async def _complain(self, name: str, error: ServiceError) -> None:
        await self._tell(ConnectResponse(error=Error(id=name, code=error.reason, message=error.message)))

    async def _tell(self, response: ConnectResponse) -> None:
        async with self._turn:
            try:
                await self._context.write(response)
            except (grpc.aio.BaseError, asyncio.InvalidStateError) as error:
                raise _Gone from error


async def _hello(requests: AsyncIterator[ConnectRequest]) -> str:
    """The token that the client names first."""
    try:
        async with asyncio.timeout(HELLO):
            first = await anext(requests)
    except (TimeoutError, StopAsyncIteration):
        raise CredentialsMissing(
            f"Say `hello` with a token within {HELLO:.0f} seconds, or send it in the metadata."
        ) from None
    if not first.hello.token:
        raise CredentialsMissing("Say `hello` with a token first, or send it in the metadata.")
    return first.hello.token


def _refused(requests: AsyncIterator[ConnectRequest]) -> str:
    """The subscription that a message was about which couldn't be taken."""
    request = requests.latest if isinstance(requests, Validated) else None
    kind = request.WhichOneof("message") if isinstance(request, ConnectRequest) else None
    return getattr(getattr(request, kind), "id", "") if kind else ""


def _told(name: str, delivery: Delivery) -> ConnectResponse:
    match delivery:
        case Batch(entries):
            return ConnectResponse(events=Events(id=name, events=[entry.event for entry in entries]))
        case Progress(cursor):
            return ConnectResponse(progress=ProgressMark(id=name, cursor=str(cursor)))
        case Lost(head):
            return ConnectResponse(gap=Gap(id=name, head=str(head)))
