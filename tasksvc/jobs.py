"""The jobs of tasks that people change: what claims find stays in step with what everybody sees."""

from collections.abc import Collection, Iterable
from typing import Final

import asyncpg

from chassis.postgres import Executor, queries
from tasksvc.domain.queue import QueueRef

SQL: Final = queries("tasksvc")
_REMEMBERED: Final = 4096


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

    async def follow(self, db: Executor, task_ids: Collection[str]) -> set[QueueRef]:
        """Brings the jobs of changed tasks in step, in their transaction; where something may start because of it."""
        rows = await db.fetch(SQL["follow_jobs"], task_ids)
        return {QueueRef(str(row["project_id"]), row["name"]) for row in rows}
