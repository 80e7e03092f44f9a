"""One subscription: where it is in the event stream, and how it gets on.

It lives in one of two ways. Live, it reads the ring of its interest, which the feed fills. Behind, it reads the stream
itself, at the pace of its reader. The seam: it notes its place in the ring and the feed's place in the stream at one
moment, then reads the stream up to there, then the ring from there; so nothing is left out and nothing comes twice. A
reader whose place the ring has left is behind again, from the last event that it gave out.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog
from prometheus_client import Counter, Gauge

from chassis.errors import CursorTooOld, InvalidCursor, ServiceError, Unavailable
from notifysvc.cursor import Cursor
from notifysvc.entry import Entry
from notifysvc.event_log import EventLog
from notifysvc.rights import Guest, Listener
from notifysvc.ring import BATCH_BYTES, Batch, Ring
from notifysvc.tail import Tail

if TYPE_CHECKING:
    from notifysvc.entry import Transition  # for types only

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
class Progress:
    """Nothing came, and everything up to here has been looked at."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Lost:
    """Events are missing; it goes on after `head`."""

    head: Cursor


Delivery: TypeAlias = Batch | Progress | Lost


class Subscription:
    """Gives a guest what its ring's interest is in. It listens from the moment that it is made, until closed."""

    def __init__(self, log: EventLog, tail: Tail, guest: Guest, ring: Ring, after: Cursor | None) -> None:
        self._log = log
        self._tail = tail
        self._guest = guest
        self._ring = ring
        self.interest = ring.interest
        self._own = not ring.interest.shared
        self.head = tail.position
        """The newest cursor when the subscription began."""
        self.begins = after or self.head
        """After this it brings everything."""
        self._given = self.begins
        self._behind = self.begins != self.head
        self._floor = 0
        self._at = ring.end
        self._woken: asyncio.Future[None] | None = None
        """Comes true when there is something to look at; None unless that is waited for."""
        self._stopped = self._closed = False
        self._error: ServiceError | None = None
        self._told = asyncio.get_running_loop().time()
        """When the reader last learned how far it is."""
        ring.readers += 1
        guest.subscriptions.append(self)
        if self._own:
            self._heard_with.append(self)

    @property
    def _heard_with(self) -> list[Listener]:
        return self._guest.inboxes if self.interest.inbox else self._guest.listeners

    def hear(self, entry: Entry) -> None:
        """Takes an event of the feed, if the ring is its own."""
        if entry.cursor.sequence > self._floor:
            self.hear_late(entry)

    def hear_late(self, entry: Entry) -> None:
        """Takes an event that the feed has passed on to others already."""
        self._ring.hear(entry, self._guest.user_id, self._guest.projects)

    def leave(self, project: str, error: ServiceError) -> None:
        """Ends it, if it is for this project alone; else the guest's rights say what is left."""
        if self.interest.project == project:
            self._error = error
            self.wake()

    def interrupted(self) -> None:
        """Leaves the ring, if it is its own: what comes next is read from the stream."""
        self._ring.interrupted()

    def stop(self) -> None:
        """Lets the deliveries end by themselves, after the one that is under way."""
        self._stopped = True
        self.wake()

    def wake(self) -> None:
        """There is something to look at."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def close(self) -> None:
        """Listens no more."""
        if not self._closed:
            self._closed = True
            self._ring.leave(self)
            self._guest.subscriptions.remove(self)
            if self._own:
                self._heard_with.remove(self)

    async def deliveries(self) -> AsyncGenerator[Delivery]:
        """What is there to tell, as fast as it is taken. Raises when the subscription can't go on."""
        _SUBSCRIBERS.inc()
        try:
            while not self._stopped:
                self._check()
                if self._behind:
                    async with aclosing(self._catch_up()) as steps:
                        async for delivery in steps:
                            self._tells()
                            yield delivery
                elif batch := self._next():
                    self._tells()
                    yield batch
                elif self._is_silent() and not self._behind:
                    self._tells()
                    yield Progress(self._given)
                elif not self._behind:
                    self._woken = asyncio.get_running_loop().create_future()
                    self._ring.wait(self)
                    await self._woken
                    self._woken = None
        finally:
            self.close()
            _SUBSCRIBERS.dec()

    def look(self) -> None:
        """Looks now and then whether anything has come lately."""
        if self._is_silent():
            self.wake()

    def _is_silent(self) -> bool:
        return asyncio.get_running_loop().time() - self._told >= PROGRESS

    def _tells(self) -> None:
        self._told = asyncio.get_running_loop().time()

    def _next(self) -> Batch | None:
        """What the ring has next, if anything; the subscription may be behind after that."""
        ring = self._ring
        while ring.start <= self._at < ring.end:
            batch, self._at = ring.batch(self._at)
            self._advance(batch.entries[-1][0].cursor)
            if self._own:
                # The right may be gone since it was heard.
                seen = [(entry, what) for entry, what in batch.entries if self._guest.sees(entry.event)]
                batch = Batch(seen)
            elif batch.entries[0][0].cursor.sequence <= self._floor:
                batch = Batch([each for each in batch.entries if each[0].cursor.sequence > self._floor])
            if batch.entries:
                _DELIVERED.inc(len(batch.entries))
                return batch
        if self._at < ring.start:
            _OVERTAKEN.inc()
            self._behind = True
        else:
            self._advance(self._tail.position)
        return None

    async def _catch_up(self) -> AsyncGenerator[Delivery]:
        """What the stream holds, up to where the ring takes over."""
        upto = self._tail.position
        self._at = self._ring.end
        # Beyond `upto`, if the cursor comes from a replica that is ahead of this one.
        self._floor = self._given.sequence
        try:
            async with aclosing(self._history(self._given, upto)) as batches:
                async for batch in batches:
                    self._given = batch[-1][0].cursor
                    _DELIVERED.inc(len(batch))
                    yield Batch(batch)
                    self._check()
                    if self._stopped:
                        return
        except (CursorTooOld, InvalidCursor):
            # It goes on from now: by the numbers of a stream before this one, what came meanwhile was left out.
            self._at = self._ring.end
            self._floor = 0
            self._given = self._tail.position
            self._behind = False
            yield Lost(self._given)
        except Unavailable as error:
            _log.warning("can't read the stream just now", error=repr(error))
            await asyncio.sleep(_RETRY)
        else:
            self._advance(upto)
            self._behind = False

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

    def _advance(self, to: Cursor) -> None:
        """Everything up to there was given out; not back, where an event came late or the cursor is ahead of us."""
        if to.stream != self._given.stream or to.sequence > self._given.sequence:
            self._given = to

    def _check(self) -> None:
        if error := self._error or self._ring.error:
            raise error
