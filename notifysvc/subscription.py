"""One subscription: where it is in the event stream, and how it gets on.

It lives in one of two ways. Live, the feed puts what it wants into its buffer. Behind, it reads the stream itself, at
the pace of its reader. The seam: it joins the feed first, at a place that it notes, then reads the stream up to that
place, then empties its buffer; so nothing is left out and nothing comes twice. A reader who is too slow for the
buffer loses it, not events: the subscription is behind again, from the last event that it gave out. So a slow reader
costs one small buffer, and nobody else waits.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog
from prometheus_client import Counter, Gauge

from chassis.errors import CursorTooOld, Internal, InvalidCursor, ServiceError, Unavailable
from notifysvc.cursor import Cursor
from notifysvc.entry import Entry
from notifysvc.event_log import EventLog
from notifysvc.interest import Interest
from notifysvc.rights import Guest
from notifysvc.tail import Tail

if TYPE_CHECKING:
    from notifysvc.entry import Transition  # for types only

MOST_ENTRIES: Final = 256
MOST_BYTES: Final = 1 << 20
"""What a buffer holds at most."""
BATCH_ENTRIES: Final = 64
BATCH_BYTES: Final = 1 << 19
PROGRESS: Final = 20.0
"""Seconds without an event after which the reader is told how far it is."""
_RETRY: Final = 0.5

_SUBSCRIBERS = Gauge("taskbell_feed_subscribers", "Subscriptions open on this replica.")
_DELIVERED = Counter("taskbell_feed_events", "Events given to subscribers.")
_OVERTAKEN = Counter(
    "taskbell_feed_overtaken", "Times that a slow subscriber lost its buffer and read the stream again."
)
_log = structlog.get_logger("notifysvc.subscription")


@dataclass(frozen=True, slots=True)
class Batch:
    """Events to pass on, oldest first, each with what it means to the subscription."""

    entries: "list[tuple[Entry, Transition]]"


@dataclass(frozen=True, slots=True)
class Progress:
    """Nothing came, and everything up to here has been looked at."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Lost:
    """Events are missing; it goes on after `head`."""

    head: Cursor


Delivery: TypeAlias = Batch | Progress | Lost


class Subscription:
    """Gives a guest what it is interested in. It listens from the moment that it is made."""

    def __init__(self, log: EventLog, tail: Tail, guest: Guest, interest: Interest, after: Cursor | None) -> None:
        self._log = log
        self._tail = tail
        self._guest = guest
        self.interest = interest
        self.head = tail.position
        """The newest cursor when the subscription began."""
        self.begins = after or self.head
        """After this it brings everything."""
        self._position = self.begins
        self._live = after is None or after == self.head
        self._buffer: deque[tuple[Entry, Transition]] = deque()
        self._bytes = 0
        self._before_buffer = self._position
        self._floor = 0
        self._woken = asyncio.Event()
        self._stopped = False
        self._error: ServiceError | None = None
        guest.listeners.add(self)

    def hear(self, entry: Entry) -> None:
        """Takes an event of the feed, if it is one of those wanted."""
        if self._live and entry.cursor.sequence > self._floor:
            self._put(entry)

    def hear_late(self, entry: Entry) -> None:
        """Takes an event that the feed has passed on to others already."""
        if self._live:
            self._put(entry)

    def _put(self, entry: Entry) -> None:
        if self._error is not None:
            return
        try:
            transition = self._means(entry)
        except Exception:  # noqa: BLE001 - a filter that fails ends its own subscription, and nobody else's
            _log.exception("filter failed", sequence=entry.cursor.sequence)
            self._fail(Internal("The filter can't be evaluated."))
            return
        if transition is None:
            return
        if len(self._buffer) >= MOST_ENTRIES or self._bytes + entry.size > MOST_BYTES:
            _OVERTAKEN.inc()
            self.interrupted()
            return
        if not self._buffer:
            self._before_buffer = self._tail.position
        self._buffer.append((entry, transition))
        self._bytes += entry.size
        self._woken.set()

    def leave(self, project: str, error: ServiceError) -> None:
        """Ends it, if it is for this project alone; else the guest's rights say what is left."""
        if self.interest.project == project:
            self._fail(error)

    def interrupted(self) -> None:
        """Drops the buffer: what comes next is read from the stream."""
        if self._live:
            self._position = self._before_buffer if self._buffer else self._tail.position
            self._live = False
            self._clear()
            self._woken.set()

    def stop(self) -> None:
        """Lets the deliveries end by themselves, after the one that is under way."""
        self._stopped = True
        self._woken.set()

    async def deliveries(self) -> AsyncGenerator[Delivery]:
        """What is there to tell, as fast as it is taken. Raises when the subscription can't go on."""
        with _SUBSCRIBERS.track_inprogress():
            try:
                while not self._stopped:
                    async with aclosing(self._follow() if self._live else self._catch_up()) as steps:
                        async for delivery in steps:
                            yield delivery
                            if self._stopped:
                                return
            finally:
                self._guest.listeners.discard(self)

    async def _follow(self) -> AsyncGenerator[Delivery]:
        """What the feed brings, until the buffer is lost."""
        while self._live and not self._stopped:
            self._check()
            if self._buffer:
                if entries := self._take():
                    yield self._batch(entries)
                continue
            self._woken.clear()
            try:
                async with asyncio.timeout(PROGRESS):
                    await self._woken.wait()
            except TimeoutError:
                if self._live and not self._buffer and not self._stopped:
                    yield Progress(self._tail.position)

    async def _catch_up(self) -> AsyncGenerator[Delivery]:
        """What the stream holds, up to where the feed takes over."""
        while not self._live and not self._stopped:
            self._check()
            self._clear()
            given = self._position
            upto = self._tail.position
            self._before_buffer = upto
            self._floor = given.sequence  # beyond `upto`, if the cursor comes from a replica that is ahead of this one
            self._live = True
            try:
                async with aclosing(self._history(given, upto)) as batches:
                    async for batch in batches:
                        given = batch[-1][0].cursor
                        yield self._batch(batch)
                        self._check()
            except (CursorTooOld, InvalidCursor):
                # It goes on from now: by the numbers of a stream before this one, what came meanwhile was left out.
                self._clear()
                self._floor = 0
                yield Lost(self._tail.position)
            except Unavailable as error:
                _log.warning("can't read the stream just now", error=repr(error))
                self._live = False
                self._position = given
                await asyncio.sleep(_RETRY)

    async def _history(self, after: Cursor, upto: Cursor) -> "AsyncGenerator[list[tuple[Entry, Transition]]]":
        if after == upto:
            return
        subjects = self.interest.subjects(self._guest.user_id, self._guest.projects)
        async with aclosing(self._log.read(after, subjects)) as chunks:
            async for chunk in chunks:
                wanted: list[tuple[Entry, Transition]] = []
                size = 0
                for entry in chunk:
                    if entry.cursor.sequence > upto.sequence:
                        break
                    if self._guest.sees(entry.event) and (transition := self._means(entry)) is not None:
                        wanted.append((entry, transition))
                        size += entry.size
                    if size > BATCH_BYTES:
                        yield wanted
                        wanted, size = [], 0
                if wanted:
                    yield wanted
                if chunk[-1].cursor.sequence >= upto.sequence:
                    return

    def _means(self, entry: Entry) -> "Transition | None":
        return self.interest.means(entry, self._guest.user_id, self._guest.projects)

    def _batch(self, entries: "list[tuple[Entry, Transition]]") -> Batch:
        _DELIVERED.inc(len(entries))
        return Batch(entries)

    def _take(self) -> "list[tuple[Entry, Transition]]":
        taken: list[tuple[Entry, Transition]] = []
        size = 0
        while self._buffer and len(taken) < BATCH_ENTRIES and (not taken or size < BATCH_BYTES):
            entry, transition = self._buffer.popleft()
            self._bytes -= entry.size
            if entry.cursor.sequence > self._before_buffer.sequence:  # unless it came late
                self._before_buffer = entry.cursor
            if self._guest.sees(entry.event):  # the right may be gone since it was heard
                taken.append((entry, transition))
                size += entry.size
        return taken

    def _clear(self) -> None:
        self._buffer.clear()
        self._bytes = 0

    def _fail(self, error: ServiceError) -> None:
        self._error = error
        self._woken.set()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
