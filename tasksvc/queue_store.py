"""Queues and their settings in PostgreSQL."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

import asyncpg

from chassis.errors import QueueNotFound
from chassis.etag import check_etag
from chassis.listing import Question
from chassis.postgres import Executor, Pool, transaction
from tasksvc.domain.queue import Queue, QueueRef, QueueSettings
from tasksvc.statements import SQL


class QueueStore:
    """A queue is there from its first task, update or pause on, and stays."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, ref: QueueRef) -> Queue:
        """The queue. Raises QueueNotFound."""
        return _queue(await self._pool.fetchrow(SQL["get_queue"], ref.project_id, ref.name), ref)

    async def page(self, project_id: str, asked: Question) -> list[Queue]:
        """The project's queues that are asked for; one parameter says of which project."""
        rows = await self._pool.fetch(asked.statement(SQL["list_queues"]), *asked.values)
        return [_queue(row, QueueRef(project_id, row["name"])) for row in rows]

    async def lease_duration(self, refs: Sequence[QueueRef]) -> float:
        """How long a lease lasts that is good for tasks of all of these queues, whether they are there or not."""
        shortest: float | None = await self._pool.fetchval(
            SQL["shortest_lease_duration"], refs[0].project_id, [ref.name for ref in refs]
        )
        return QueueSettings().default_lease_duration if shortest is None else shortest

    async def update(
        self, db: Executor, ref: QueueRef, etag: str, change: Callable[[QueueSettings], QueueSettings]
    ) -> Queue:
        """The queue with these settings; made if there is none, and none was seen."""
        async with transaction(db) as connection:
            if not etag:
                await connection.execute(SQL["make_queue"], ref.project_id, ref.name)
            before = _queue(await connection.fetchrow(SQL["lock_queue"], ref.project_id, ref.name), ref)
            check_etag(etag, before.settings_etag)
            settings = change(before.settings)
            if settings == before.settings:
                return before
            return _queue(await connection.fetchrow(SQL["update_queue"], before.id, *astuple(settings)), ref)

    async def follow_limits(self, ref: QueueRef) -> None:
        """After the commit of other settings: with a higher limit, jobs that wait for others with their key may start.

        Not in its transaction, which has the queue's row: others lock keys before that. Should it not come to this, a
        key gets its limit when a task with it ends.
        """
        await self._pool.execute(SQL["follow_limits"], ref.project_id, ref.name)

    async def pause(self, ref: QueueRef, etag: str) -> Queue:
        """Paused from now on, or since it was; made if there is none, and none was seen."""
        return await self._switch("pause_queue", ref, etag)

    async def resume(self, ref: QueueRef, etag: str) -> Queue:
        """No longer paused. Raises QueueNotFound."""
        return await self._switch("resume_queue", ref, etag)

    async def _switch(self, statement: str, ref: QueueRef, etag: str) -> Queue:
        async with transaction(self._pool) as connection:
            if etag:
                before = _queue(await connection.fetchrow(SQL["lock_queue"], ref.project_id, ref.name), ref)
                check_etag(etag, before.settings_etag)
            return _queue(await connection.fetchrow(SQL[statement], ref.project_id, ref.name), ref)


def _queue(row: asyncpg.Record | None, ref: QueueRef) -> Queue:
    if row is None:
        raise QueueNotFound(
            f"There is no queue {ref.name!r} in this project yet: its first task makes it.",
            metadata={"queue": ref.name, "project_id": ref.project_id},
        )
    settings: dict[str, Any] = {name: row[name] for name in QueueSettings.__dataclass_fields__}
    return Queue(
        id=row["id"],
        ref=ref,
        settings=QueueSettings(**settings),
        version=row["version"],
        pause_time=row["pause_time"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )
