"""Deletes the tasks of queues that ended long enough ago, softly: each queue says how long its are kept.

Which they are is found stretch by stretch, from a project's oldest task on and round again: looking costs little at any
time, however many tasks there are, and a task that stays is passed over once in a round.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
from prometheus_client import Counter

from chassis.postgres import Pool
from tasksvc.announcer import Announcer
from tasksvc.domain.change import Change, delete
from tasksvc.domain.task import Task
from tasksvc.statements import SQL
from tasksvc.task_store import Edit, TaskStore
from tasksvc.task_to_pb import task_to_pb
from tasksvc.workers.polling import poll

EVERY: Final = 5.0
STRETCH: Final = 5_000
_MOST: Final = 100
BEGINNING: Final = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
_DELETED: Final = Counter("taskbell_retention_deleted_tasks", "Ended tasks that were deleted as their queues say.")


class Retention:
    """A worker. Replicas do no harm to each other."""

    def __init__(self, pool: Pool, announcer: Announcer, *, stretch: int = STRETCH) -> None:
        """`stretch`: how many tasks are looked at at a time."""
        self._pool = pool
        self._announcer = announcer
        self._stretch = stretch
        self._tasks = TaskStore()
        self._places: dict[int, tuple[datetime, UUID]] = {}
        """Where the next stretch of each queue begins."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Deletes until told to stop."""
        await poll(self._look, EVERY, stopping)

    async def _look(self) -> bool:
        queues = await self._pool.fetch(SQL["list_retentions"])
        places, self._places = self._places, {}
        found = False
        for queue in queues:
            ended, self._places[queue["id"]] = await self._scan(queue, places.get(queue["id"], BEGINNING))
            found |= bool(ended)
            for first in range(0, len(ended), _MOST):
                await self._delete(ended[first : first + _MOST])
        return found

    async def _scan(
        self, queue: asyncpg.Record, place: tuple[datetime, UUID]
    ) -> tuple[Sequence[str], tuple[datetime, UUID]]:
        """Which tasks of the stretch are to be deleted, and where the next one begins."""
        row = await self._pool.fetchrow(
            SQL["scan_ended"], queue["project_id"], queue["name"], queue["retention"], *place, self._stretch
        )
        if row is None:
            return (), BEGINNING
        return row["ended"], (row["create_time"], row["id"]) if row["seen"] == self._stretch else BEGINNING

    async def _delete(self, task_ids: Sequence[str]) -> None:
        seen = await self._tasks.get_all(self._pool, task_ids)
        written = await self._tasks.change_all(self._pool, [Edit(task, _delete_ended) for task in seen.values()])
        _DELETED.inc(sum(task.delete_time is not None for task in written.tasks))
        await self._announcer.announce([task_to_pb(task) for task in written.tasks], written.woken)


def _delete_ended(task: Task) -> Change | None:
    """Unless somebody has reopened it, or deleted it, meanwhile."""
    return None if task.end_time is None or task.delete_time is not None else delete(task)
