"""The newest events of one interest, kept for those who read them at their own pace.

Each reader has a place of its own. Whoever falls so far behind that the ring has moved on reads the stream instead; so
a slow reader costs one small ring, however many share it, and nobody waits. Once everybody has read everything, nothing
is kept.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from chassis.errors import Internal, ServiceError
from notifysvc.entry import Entry
from notifysvc.interest import Interest

if TYPE_CHECKING:
    from notifysvc.entry import Transition  # for types only

MOST_ENTRIES: Final = 256
MOST_BYTES: Final = 1 << 20
"""What a ring holds at most."""
BATCH_BYTES: Final = 1 << 19
GATHERED: Final = 40e-6
LONGEST_GATHERED: Final = 0.1
"""Seconds for each reader, and at most, that are left between two times of telling them all: about twice what it takes.
One event after a silence is told at once; a burst to a thousand readers comes to each in a few messages.
"""
_REMEMBERED: Final = 4

_log = structlog.get_logger("notifysvc.ring")


class Reader(Protocol):
    """Who waits for more."""

    def wake(self) -> None:
        """There is something to look at."""


@dataclass(slots=True)
class Batch:
    """Events to pass on, oldest first, each with what it means to the interest."""

    entries: "list[tuple[Entry, Transition]]"
    _fields: bytes = field(default=b"", repr=False)

    def fields(self, projects: frozenset[str]) -> bytes:
        """All of them, as they are told to who sees these projects; made once, where it is the same for everybody."""
        if self._fields:
            return self._fields
        made = b"".join([entry.encoded(transition, projects).field for entry, transition in self.entries])
        if not any(entry.came_from for entry, _ in self.entries):
            self._fields = made
        return made


class Ring:
    """One interest's; `abandoned` is told when the last reader leaves."""

    def __init__(self, interest: Interest, abandoned: Callable[[Interest], object]) -> None:
        self.interest = interest
        self._abandoned = abandoned
        self.error: ServiceError | None = None
        """Why nothing more comes."""
        self.start = 0
        self.readers = 0
        self._entries: deque[tuple[Entry, Transition]] = deque()
        self._bytes = 0
        self._waiting: set[Reader] = set()
        self._woke = 0.0
        self._gathering: asyncio.TimerHandle | None = None
        self._batches: dict[int, tuple[Batch, int]] = {}

    @property
    def end(self) -> int:
        """The place of what comes next."""
        return self.start + len(self._entries)

    def hear(self, entry: Entry, user_id: str = "", projects: frozenset[str] = frozenset()) -> None:
        """Takes the event, if it is one of those wanted by a user who sees these projects."""
        try:
            transition = self.interest.means(entry, user_id, projects)
        except Exception:  # noqa: BLE001 - a filter that fails ends its own subscriptions, and nobody else's
            _log.exception("filter failed", sequence=entry.cursor.sequence)
            self.error = Internal("The filter can't be evaluated.")
            self._wake_all()
            return
        if transition is None:
            return
        self._entries.append((entry, transition))
        self._bytes += entry.size
        while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self._bytes -= self._entries.popleft()[0].size
            self.start += 1
        self._wake()

    def interrupted(self) -> None:
        """What comes next doesn't follow on what came before: everybody has to look into the stream."""
        self.start = self.end + 1
        self._forget()
        self._wake_all()

    def batch(self, at: int) -> tuple[Batch, int]:
        """What stands from this place on, as much as goes into one message, and the place behind it.

        Whoever stands at the same place is given the same, though more may have come since: it is made once.
        """
        known = self._batches.get(at)
        if known is None:
            known = self._made(at)
            while len(self._batches) >= _REMEMBERED:
                del self._batches[next(iter(self._batches))]
            self._batches[at] = known
        return known

    def _made(self, at: int) -> tuple[Batch, int]:
        entries: list[tuple[Entry, Transition]] = []
        size = 0
        for each in islice(self._entries, at - self.start, None):
            if size > BATCH_BYTES:
                break
            size += each[0].size
            entries.append(each)
        return Batch(entries), at + len(entries)

    def wait(self, reader: Reader) -> None:
        """The reader has read everything, and is to be woken."""
        self._waiting.add(reader)
        if len(self._waiting) >= self.readers:
            self.start = self.end
            self._forget()

    def leave(self, reader: Reader) -> None:
        """The reader reads no more."""
        self.readers -= 1
        self._waiting.discard(reader)
        if not self.readers:
            self._forget()
            if self._gathering is not None:
                self._gathering.cancel()
            self._abandoned(self.interest)

    def _forget(self) -> None:
        self._entries.clear()
        self._batches.clear()
        self._bytes = 0

    def _wake(self) -> None:
        """Wakes those who wait, now or a little later."""
        if self._gathering is None and self._waiting:
            loop = asyncio.get_running_loop()
            due = self._woke + min(self.readers * GATHERED, LONGEST_GATHERED)
            if due <= loop.time():
                self._wake_all()
            else:
                self._gathering = loop.call_at(due, self._wake_all)

    def _wake_all(self) -> None:
        self._woke = asyncio.get_running_loop().time()
        self._gathering = None
        waiting, self._waiting = self._waiting, set()
        for reader in waiting:
            reader.wake()
