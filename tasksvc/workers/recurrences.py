"""Goes on with series: makes the next task when the newest one has ended, or its time has come."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg
import structlog
from prometheus_client import Counter
from uuid_utils.compat import uuid7

from chassis.errors import Conflict, Unavailable, UniqueKeyTaken
from chassis.postgres import Pool
from tasksvc.announcer import Announcer
from tasksvc.domain.change import create
from tasksvc.domain.recurrence import Occurrence
from tasksvc.domain.series import Outlook, Stand, following, outlook
from tasksvc.statements import SQL
from tasksvc.task_rows import task_from_row
from tasksvc.task_store import TaskStore, Written
from tasksvc.task_to_pb import task_to_pb
from tasksvc.workers.polling import poll

if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]

EVERY: Final = 1.0
_MOST: Final = 20
_AGAIN: Final = timedelta(minutes=1)
"""When a series is looked at again whose next task could not be made."""

_SERIES: Final = Counter("taskbell_series_looked_at", "Looks at series, by what came of them.", ["outcome"])
_MADE, _RESTING, _OVER, _PUT_OFF = map(_SERIES.labels, ("made", "resting", "over", "put_off"))
_log = structlog.get_logger("tasksvc.recurrences")


class Recurrences:
    """A worker. Replicas share the work.

    The next task is made, and noted with the one before it, in one transaction that locks both rows of that: a process
    that is killed has made it and noted it, or neither.
    """

    def __init__(self, pool: Pool, announcer: Announcer) -> None:
        self._pool = pool
        self._announcer = announcer
        self._tasks = TaskStore()

    async def run(self, stopping: asyncio.Event) -> None:
        """Goes on with series until told to stop."""
        await poll(self._go_on, EVERY, stopping)

    async def _go_on(self) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(SQL["claim_recurrences"], _MOST)
            written = [each for row in rows if (each := await self._look(connection, row))]
        tasks = [task_to_pb(task) for each in written for task in each.tasks]
        if tasks:
            await self._announcer.announce(tasks, {queue for each in written for queue in each.woken})
        return bool(tasks) or len(rows) == _MOST

    async def _look(self, connection: "_Connection", row: asyncpg.Record) -> Written | None:
        """Makes the next task of one series, if it is to be made now. What is wrong with one holds up no other."""
        task, later = task_from_row(row), row["moment"] + _AGAIN
        try:
            if not row["in_project"]:
                seen = Outlook(None, None)
            else:  # off the event loop: the search in a rule may take a while
                seen = await asyncio.to_thread(outlook, task, _stand(row), row["moment"])
            if seen.now is not None:
                later = seen.later or later
                return await self._make(connection, row, seen.now)
            later = seen.later
            (_OVER if later is None else _RESTING).inc()
        except (Unavailable, Conflict):
            raise
        except UniqueKeyTaken as taken:
            _log.info("the next task of a series has to wait", task_id=task.id, reason=str(taken))
            _PUT_OFF.inc()
        except Exception:  # noqa: BLE001 - whatever it is, it must not hold up the other series
            _log.exception("the next task of a series can't be made", task_id=task.id)
            _PUT_OFF.inc()
        await connection.execute(SQL["wake_series"], task.id, later)
        return None

    async def _make(self, connection: "_Connection", row: asyncpg.Record, occurrence: Occurrence) -> Written:
        before = task_from_row(row)
        after = following(before, _stand(row), occurrence, str(uuid7()))
        after = replace(
            after,
            assignee_id=after.assignee_id if row["assignee_there"] else None,
            parent_id=after.parent_id if row["parent_there"] else None,
        )
        async with connection.transaction():
            written = await self._tasks.create(connection, [create(after)])
            await connection.execute(SQL["continue_series"], before.id, after.id, occurrence.wall, occurrence.number)
        _MADE.inc()
        return written


def _stand(row: asyncpg.Record) -> Stand:
    return Stand(row["meant_time"], row["wall"], row["number"])
