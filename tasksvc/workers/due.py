"""Tells that tasks are due soon, and that they are overdue: each once, and again when the due_time is another."""

import asyncio
from functools import partial
from typing import Final

from prometheus_client import Counter

from chassis.postgres import Pool, transaction
from tasksvc.announcer import Announcer
from tasksvc.domain.change import remind
from tasksvc.statements import SQL
from tasksvc.task_rows import task_from_row
from tasksvc.task_store import Edit, TaskStore
from tasksvc.task_to_pb import task_to_pb
from tasksvc.workers.polling import poll

EVERY: Final = 1.0
_MOST: Final = 100
_NOTHING, _SOON, _OVERDUE = 0, 1, 2
_EVENTS: Final = {_SOON: "task.due_soon", _OVERDUE: "task.overdue"}
_TOLD: Final = Counter("taskbell_deadlines_told", "Deadlines told of.", ["event"])
_COUNTED: Final = {event: _TOLD.labels(event) for event in _EVENTS.values()}


class Deadlines:
    """A worker. Replicas share the work: a deadline is told of, and noted as told, in one transaction that locks it."""

    def __init__(self, pool: Pool, announcer: Announcer, *, ahead: float) -> None:
        """`ahead`: how many seconds before its due_time a task is due soon; 0: never."""
        self._pool = pool
        self._announcer = announcer
        self._ahead = ahead
        self._tasks = TaskStore()

    async def run(self, stopping: asyncio.Event) -> None:
        """Tells until told to stop."""
        await poll(self._tell, EVERY, stopping)

    async def _tell(self) -> bool:
        # What is overdue already is not due soon any more.
        more = [await self._tell_some(_OVERDUE, told, 0) for told in (_SOON, _NOTHING)]
        if self._ahead:
            more.append(await self._tell_some(_SOON, _NOTHING, self._ahead))
        return any(more)

    async def _tell_some(self, what: int, told: int, ahead: float) -> bool:
        """Of some of which so much was told, and that are due in so many seconds; whether there may be more."""
        event = _EVENTS[what]
        async with transaction(self._pool) as db:
            rows = await db.fetch(SQL["claim_deadlines"], told, ahead, _MOST)
            if not rows:
                return False
            edits = [Edit(task_from_row(row), partial(remind, event=event)) for row in rows if row["in_project"]]
            written = await self._tasks.change_all(db, edits)
            await db.execute(SQL["note_deadlines"], [row["id"] for row in rows], what)
        _COUNTED[event].inc(len(written.tasks))
        await self._announcer.announce([task_to_pb(task) for task in written.tasks], written.woken)
        return len(rows) == _MOST
