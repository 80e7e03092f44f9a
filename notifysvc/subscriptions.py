"""The subscriptions of one Connect stream: begun, told of, acknowledged, ended."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from taskbell.notifications.v1.notifications_pb2 import (
    Ack,
    ConnectResponse,
    Gap,
    ProgressMark,
    Subscribe,
    Subscribed,
    Unsubscribed,
)

from chassis.errors import (
    CursorTooOld,
    InvalidCursor,
    ServiceError,
    SubscriptionExists,
    SubscriptionNotFound,
    TooManySubscriptions,
)
from chassis.validation import validate
from notifysvc.acks import Acks, Device
from notifysvc.credit import Allowance
from notifysvc.cursor import Cursor
from notifysvc.feed import Feed
from notifysvc.line import Line, begin_events
from notifysvc.rights import Guest
from notifysvc.ring import Batch
from notifysvc.subscription import Delivery, Lost, Progress, Subscription

MOST: Final = 1000
"""What one stream has at most."""


@dataclass(slots=True)
class _Running:
    """A subscription, and what was told of it."""

    subscription: Subscription
    after: Cursor
    """From where on nothing is left out."""
    told: Cursor
    head: bytes
    """What its events' messages begin with: its name."""


class Subscriptions:
    """Those of one guest on one line."""

    def __init__(self, feed: Feed, guest: Guest, line: Line, allowance: Allowance, acks: Acks) -> None:
        self._feed = feed
        self._guest = guest
        self._line = line
        self._allowance = allowance
        self._acks = acks
        self._running: dict[str, _Running] = {}

    @property
    def follow_inbox(self) -> bool:
        """Whether one of them is for the inbox."""
        return any(each.subscription.interest.inbox for each in self._running.values())

    async def begin(self, request: Subscribe, pumps: asyncio.TaskGroup, ended: Callable[[], object]) -> bool:
        """Begins one; whether it runs now. What is wrong with it is told by its name, and its end to whoever asks."""
        name = request.id
        try:
            validate(request)
            if name in self._running:
                raise SubscriptionExists(f"The subscription {name!r} runs already.")
            if len(self._running) >= MOST:
                raise TooManySubscriptions(f"A stream has {MOST} subscriptions at most: open another one.")
            subscription, recovered = await self._subscribe(request)
        except ServiceError as error:
            await self._line.complain(name, error)
            return False
        after = subscription.begins
        self._running[name] = _Running(subscription, after, after, begin_events(name))
        head = str(subscription.head)
        await self._line.tell(ConnectResponse(subscribed=Subscribed(id=name, head=head, recovered=recovered)))
        if not recovered and (request.after or request.HasField("after_time")):
            await self._line.tell(ConnectResponse(gap=Gap(id=name, head=head)))
        pumps.create_task(self._pump(name, self._running[name], ended))
        return True

    async def end(self, name: str) -> None:
        """Ends one, after what is being told of it."""
        if running := await self._named(name):
            running.subscription.stop()

    async def acknowledge(self, ack: Ack, device: Device) -> None:
        """Notes how far the client has seen one."""
        running = await self._named(ack.id)
        if running is None or not ack.cursor:
            return
        try:
            seen = Cursor.parse(ack.cursor)
            if seen.stream != running.told.stream or seen.sequence > running.told.sequence:
                raise InvalidCursor(f"Nothing was told up to the cursor {ack.cursor!r} on this subscription.")
        except ServiceError as error:
            await self._line.complain(ack.id, error)
        else:
            self._acks.note(device, running.subscription.interest, running.after, seen)

    async def _named(self, name: str) -> _Running | None:
        running = self._running.get(name)
        if running is None:
            error = SubscriptionNotFound(f"There is no subscription {name!r} on this stream.")
            await self._line.complain(name, error)
        return running

    async def _subscribe(self, request: Subscribe) -> tuple[Subscription, bool]:
        """The subscription, and whether it goes on where it was asked to."""
        try:
            subscription = await self._feed.subscribe(self._guest, request)
        except CursorTooOld:
            from_now = Subscribe()
            from_now.CopyFrom(request)
            from_now.ClearField("after")
            from_now.ClearField("after_time")
            return await self._feed.subscribe(self._guest, from_now), False
        return subscription, bool(request.after or request.HasField("after_time"))

    async def _pump(self, name: str, running: _Running, ended: Callable[[], object]) -> None:
        """Tells what a subscription brings, until it ends."""
        try:
            async with aclosing(running.subscription.deliveries()) as deliveries:
                async for delivery in deliveries:
                    await self._tell(name, running, delivery)
        except ServiceError as error:
            del self._running[name]
            await self._line.complain(name, error)
        else:
            del self._running[name]
            await self._line.tell(ConnectResponse(unsubscribed=Unsubscribed(id=name)))
        ended()

    async def _tell(self, name: str, running: _Running, delivery: Delivery) -> None:
        match delivery:
            case Batch():
                await self._tell_events(running, delivery)
            case Progress(cursor):
                running.told = cursor
                await self._line.tell(ConnectResponse(progress=ProgressMark(id=name, cursor=str(cursor))))
            case Lost(head):
                running.after = running.told = head
                await self._line.tell(ConnectResponse(gap=Gap(id=name, head=str(head))))

    async def _tell_events(self, running: _Running, batch: Batch) -> None:
        """As many at once as the client allows for."""
        guest, entries = self._guest, batch.entries
        if not self._allowance.limited:
            running.told = entries[-1][0].cursor
            await self._line.tell_events(running.head, batch.fields(guest.projects))
            return
        while entries:
            count = await self._allowance.take(len(entries))
            # A right may be gone since, if the client took its time.
            now = [(entry, what) for entry, what in entries[:count] if guest.sees(entry.event)]
            running.told, entries = entries[count - 1][0].cursor, entries[count:]
            if now:
                await self._line.tell_events(running.head, Batch(now).fields(guest.projects))
