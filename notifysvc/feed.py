"""The feed: the newest events of the stream, given to every subscription that wants them, in this process.

The stream is read once a replica, however many listen.

Each task's events are in order, but a new member may come after the project's first events for them: the stream is
written by several hands. So the newest events are remembered for a while, for those who are told of their membership
late.
"""

import asyncio
import time
from collections import defaultdict, deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Histogram
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Subscribe, WatchRequest

from chassis.errors import InvalidField
from chassis.race import race
from notifysvc.cursor import Cursor
from notifysvc.entry import Entry
from notifysvc.event_log import EventLog
from notifysvc.interest import Interest
from notifysvc.mutes import Mutes
from notifysvc.rights import Guest, Rights, not_found
from notifysvc.ring import Ring
from notifysvc.subscription import Subscription
from notifysvc.tail import Tail

REMEMBERED: Final = 256
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_REMEMBERED_BYTES: Final = 4 << 20
_LOOK: Final = 1.0
"""Seconds between two looks at who has heard nothing lately."""
_FINDS_ITS_PLACE: Final = 2.0
"""Seconds for which a subscription waits for a replica that has just started."""
_DELAY: Final = Histogram(
    "taskbell_feed_delay_seconds",
    "From an event's transaction to the moment when this replica passed it on.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30),
)


class Feed:
    """A worker: follows the stream. Subscriptions begin here."""

    def __init__(self, log: EventLog, tail: Tail, rights: Rights, mutes: Mutes) -> None:
        self._log = log
        self._tail = tail
        self._rights = rights
        self._mutes = mutes
        self._recent: deque[Entry] = deque()
        self._recent_bytes = 0
        self._rings: defaultdict[str, dict[Interest, Ring]] = defaultdict(dict)
        """Those that subscriptions share, by project."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Follows the stream until the process ends."""
        await race(self._tail.follow(self), self._look(), stopping.wait())

    def hear(self, entry: Entry) -> None:
        """Passes an event on."""
        for newcomer in self._rights.heed(entry.event):
            self._make_up(newcomer, entry.event)
        self._remember(entry)
        for ring in self._rings.get(entry.event.project_id, {}).values():
            ring.hear(entry)
        for guest in self._rights.audience(entry.event):
            for listener in guest.listeners:
                listener.hear(entry)
        for guest in self._rights.of(entry.concerned):
            if guest.inboxes and guest.sees(entry.event):
                for listener in guest.inboxes:
                    listener.hear(entry)
        _DELAY.observe(time.time() - entry.event.time.ToNanoseconds() / 1e9)

    async def _look(self) -> None:
        """Lets subscriptions look whether anything has come lately: one clock for thousands."""
        while True:
            await asyncio.sleep(_LOOK)
            for guest in self._rights.guests:
                for subscription in guest.subscriptions:
                    subscription.look()

    def _make_up(self, newcomer: Guest, joined: Event) -> None:
        """Passes on what happened in the project since the membership, and came before the news of it."""
        since = joined.time.ToNanoseconds()
        for entry in self._recent:
            if entry.event.project_id == joined.project_id and entry.event.time.ToNanoseconds() >= since:
                for listener in (*newcomer.listeners, *newcomer.inboxes):
                    listener.hear_late(entry)

    def _remember(self, entry: Entry) -> None:
        self._recent.append(entry)
        self._recent_bytes += entry.size
        while len(self._recent) > REMEMBERED or self._recent_bytes > _REMEMBERED_BYTES:
            self._recent_bytes -= self._recent.popleft().size

    def interrupted(self) -> None:
        """Lets every subscription look for itself what the stream still holds."""
        for rings in self._rings.values():
            for ring in rings.values():
                ring.interrupted()
        for guest in self._rights.guests:
            for listener in (*guest.listeners, *guest.inboxes):
                listener.interrupted()

    async def subscribe(self, guest: Guest, request: Subscribe | WatchRequest) -> Subscription:
        """A subscription, which has begun. Raises what is wrong with the request, or Unavailable."""
        with suppress(TimeoutError):  # then the bus is away, and the tail says so
            async with asyncio.timeout(_FINDS_ITS_PLACE):
                await self._tail.started()
        muted = await self._mutes.of(guest.user_id) if request.inbox else None
        interest = Interest.of(request, guest.user_id, muted)
        after = await self._place(request)
        # Last, and then without a wait: who is no member any more when it begins would never be told.
        if interest.project and interest.project not in guest.projects:
            await self._rights.refresh(guest)  # a member since a moment, perhaps
            if interest.project not in guest.projects:
                raise not_found(interest.project)
        return self.begin(guest, interest, after)

    async def _place(self, request: Subscribe | WatchRequest) -> Cursor | None:
        """Where to go on from; None is now."""
        if not request.HasField("after_time"):
            after = Cursor.parse(request.after) if request.after else None
            if after:
                await self._log.check(after)
            return after
        if request.after:
            raise InvalidField.named("after_time", request.after_time.ToJsonString(), "can't go together with `after`")
        try:
            time = request.after_time.ToDatetime(UTC)
        except (ValueError, OverflowError):
            raise InvalidField.named("after_time", request.after_time.seconds, "is no moment") from None
        return await self._log.cursor_before(max(time, _EPOCH))

    def begin(self, guest: Guest, interest: Interest, after: Cursor | None = None) -> Subscription:
        """A subscription from a cursor that was checked, or from now on."""
        return Subscription(self._log, self._tail, guest, self._ring(interest), after)

    def _ring(self, interest: Interest) -> Ring:
        """The interest's, which nobody else has or everybody with the same interest."""
        if not interest.shared:
            return Ring(interest, _nobody)
        rings = self._rings[interest.project]
        known = rings.get(interest)
        if known is None or known.error is not None:
            known = rings[interest] = Ring(interest, self._drop)
        return known

    def _drop(self, interest: Interest) -> None:
        rings = self._rings[interest.project]
        known = rings.get(interest)
        if known is not None and not known.readers:
            del rings[interest]
        if not rings:
            del self._rings[interest.project]


def _nobody(_interest: Interest) -> None:
    """Knows of a ring that one reader has."""
