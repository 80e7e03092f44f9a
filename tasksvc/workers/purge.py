"""Removes for good what was deleted long ago: tasks with their history, and unique keys that ran out.

The cache never shows what is removed: it knows the tasks as deleted, or not at all.
"""

import asyncio
from collections.abc import Collection
from functools import partial
from typing import Final

from prometheus_client import Counter

from chassis.postgres import Pool, transaction
from tasksvc.announcer import Announcer
from tasksvc.domain.change import Change
from tasksvc.domain.task import Task
from tasksvc.statements import SQL
from tasksvc.task_rows import task_from_row
from tasksvc.task_store import Edit, TaskStore
from tasksvc.task_to_pb import task_to_pb
from tasksvc.workers.polling import poll

EVERY: Final = 10.0
_TASKS: Final = 100
_KEYS: Final = 1000
_PURGED: Final = Counter("taskbell_purged_tasks", "Deleted tasks that were removed for good.")
_FORGOTTEN: Final = Counter("taskbell_forgotten_unique_keys", "Unique keys whose period was over, removed.")


class Purge:
    """A worker. Replicas share the work: what one is at, the others pass over."""

    def __init__(self, pool: Pool, announcer: Announcer, *, kept: float) -> None:
        """`kept`: for how many seconds a deleted task can be restored."""
        self._pool = pool
        self._announcer = announcer
        self._kept = kept
        self._tasks = TaskStore()

    async def run(self, stopping: asyncio.Event) -> None:
        """Removes until told to stop."""
        await poll(self._remove, EVERY, stopping)

    async def _remove(self) -> bool:
        done = await self._pool.execute(SQL["forget_unique_keys"], _KEYS)
        keys = int(done.rpartition(" ")[2])
        _FORGOTTEN.inc(keys)
        return any([await self._purge(), keys == _KEYS])

    async def _purge(self) -> bool:
        """Removes some tasks; whether there may be more."""
        async with transaction(self._pool) as db:
            gone = [row["id"] for row in await db.fetch(SQL["claim_deleted"], self._kept, _TASKS)]
            if not gone:
                return False
            dependants = [task_from_row(row) for row in await db.fetch(SQL["list_dependants"], gone)]
            let_go = partial(_let_go, gone=frozenset(gone))
            written = await self._tasks.change_all(db, [Edit(task, let_go) for task in dependants])
            await db.execute(SQL["purge_tasks"], gone)
        _PURGED.inc(len(gone))
        await self._announcer.announce([task_to_pb(task) for task in written.tasks], written.woken)
        return len(gone) == _TASKS


def _let_go(task: Task, gone: Collection[str]) -> Change | None:
    """The task without those that are gone as what it is part of, or waits for."""
    parent = None if task.parent_id in gone else task.parent_id
    blockers = tuple(each for each in task.blocked_by if each not in gone)
    return Change.of(task, "task.updated", parent_id=parent, blocked_by=blockers)
