"""Where claims have passed by: the positions in queues before which this process last found nothing.

A claim reads the index of waiting jobs from the front. Entries of jobs that were claimed stay there until they are
vacuumed, which an old transaction prevents: without a place to begin from, each claim would step over all of them.

Nothing is missed for long by it. What comes to stand before such a position grows its queue's `returns`, which makes
the position void; a task whose transaction took long, or which was locked by a claim that came to nothing, is found
when the front is looked at again, every second or so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Priority

_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"
_MARGIN: Final = timedelta(seconds=0.2)
"""By how much a position stays behind the present: transactions that began so long ago may still be at work."""
_LOOK_AGAIN: Final = 1.0
_SHARE: Final = 20
"""Looking at the front again is worth a twentieth of the time."""
_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Position:
    """In the order in which the jobs of a queue and a priority are claimed."""

    time: datetime = _BEGIN
    task_id: str = _FIRST_ID
    returns: int = 0
    """The queue's, at that time."""


_FRONT: Final = Position()


@dataclass(slots=True)
class _Passed:
    until: float
    positions: dict[Priority, Position] = field(default_factory=dict)


class PassedBy:
    """The positions of all queues that are claimed from here."""

    def __init__(self) -> None:
        self._queues: dict[QueueRef, _Passed] = {}

    def positions(self, places: Iterable[tuple[QueueRef, Priority]]) -> list[Position]:
        """Where to begin in each place."""
        now = monotonic()
        found = []
        for queue, priority in places:
            passed = self._queues.get(queue)
            found.append(_FRONT if passed is None or now >= passed.until else passed.positions.get(priority, _FRONT))
        return found

    def note(self, queue: QueueRef, priority: Priority, position: Position, *, now: datetime, took: float) -> None:
        """The last thing that a claim, which took so long, found in a place stood there."""
        passed = self._queues.get(queue)
        if passed is None or monotonic() >= passed.until:
            if len(self._queues) >= _REMEMBERED:
                self._queues.clear()
            passed = self._queues[queue] = _Passed(monotonic() + max(_LOOK_AGAIN, took * _SHARE))
        if position.time > now - _MARGIN:
            position = Position(now - _MARGIN, _FIRST_ID, position.returns)
        passed.positions[priority] = position
