"""The jobs of tasks that people change: what claims find stays in step with what everybody sees."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Self

import asyncpg

from chassis.postgres import Executor
from tasksvc.domain.queue import QueueRef
from tasksvc.statements import SQL

_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Followed:
    """What a change did to queues."""

    returned: frozenset[QueueRef] = frozenset()
    """Where a job may stand where claims have passed by already."""
    woken: frozenset[QueueRef] = frozenset()
    """Where something may start now."""

    @classmethod
    def of(cls, rows: Iterable[asyncpg.Record]) -> Self:
        """From rows of a project_id, a name, and whether a job came (`returned`) or room for one (`woken`)."""
        returned, woken = set(), set()
        for row in rows:
            queue = QueueRef(str(row["project_id"]), row["name"])
            if row["returned"]:
                returned.add(queue)
            if row["woken"]:
                woken.add(queue)
        return cls(frozenset(returned), frozenset(woken))

    def __or__(self, other: Self) -> Self:
        return type(self)(self.returned | other.returned, self.woken | other.woken)


class Jobs:
    """Jobs, and the queues that they are in."""

    def __init__(self) -> None:
        # Queues are never deleted: one that was there is.
        self._known: set[QueueRef] = set()

    async def ensure_queues(self, db: Executor, queues: Iterable[QueueRef]) -> None:
        """Makes those of the queues that aren't there."""
        unknown = sorted(set(queues) - self._known)
        if not unknown:
            return
        await db.execute(
            SQL["ensure_queues"], [queue.project_id for queue in unknown], [queue.name for queue in unknown]
        )
        if isinstance(db, asyncpg.Pool):  # else it may be rolled back
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known.update(unknown)

    async def follow(self, db: Executor, task_ids: Collection[str]) -> "Followed":
        """Brings the jobs of changed tasks in step, in their transaction."""
        return Followed.of(await db.fetch(SQL["follow_jobs"], task_ids))


async def note_returns(db: Executor, queues: Collection[QueueRef]) -> None:
    """Tells claims that there is something where they have passed by. The last thing in a transaction."""
    if queues:
        await db.execute(SQL["note_returns"], [queue.project_id for queue in queues], [queue.name for queue in queues])
