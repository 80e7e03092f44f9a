"""Claims of tasks that may start now, within the limits of their queues."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, product
from time import monotonic
from typing import Final

import asyncpg

from chassis.caller import current_call
from chassis.postgres import Executor, Pool, transaction
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Priority, Task
from tasksvc.passed_by import PassedBy, Position
from tasksvc.statements import SQL
from tasksvc.task_rows import changing, task_from_row

_LEASE_TASKS: Final = SQL["lease_tasks"].format(
    **changing("status", "attempt", "worker", "lease_expire_time", row="started")
)
_HIGHEST_FIRST: Final = tuple(sorted(Priority, reverse=True))
_PARKING: Final = 0.5
"""Seconds that a claim spends on moving out of its way what may not start."""
_NEAR, _FAR = 1000, 16_000
"""How many jobs are looked at for that at a time, at first and at most."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A task that a worker has for a time."""

    lease_id: str
    """What it answers with: another one each time, so that a late answer is told apart."""
    task: Task
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """Who claims, and how."""

    worker: str
    duration: float | None
    """Seconds; None: as the queue says."""
    streamed: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What a claim's statement found."""

    leases: list[Lease] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    """Tasks that were moved out of the way: their keys are full."""
    limited: list[QueueRef] = field(default_factory=list)
    """Queues that it passed over: they have limits."""


class Claims:
    """Remembers where there was nothing, and which queues have limits; what that spares is work, and no more."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._passed_by = PassedBy()
        self._limited: set[QueueRef] = set()

    async def claim(self, queues: Iterable[QueueRef], most: int, terms: Terms) -> list[Lease]:
        """Up to so many tasks, those of the first queues first."""
        leases: list[Lease] = []
        for limited, group in groupby(dict.fromkeys(queues), self._limited.__contains__):
            if limited:
                leases += await self._claim_within_limits(group, most - len(leases), terms)
            else:
                leases += await self._claim_freely(tuple(group), most - len(leases), terms)
            if len(leases) == most:
                break
        return leases

    async def _claim_freely(self, queues: Sequence[QueueRef], most: int, terms: Terms) -> list[Lease]:
        found = await self._claim(self._pool, queues, most, terms, room=False)
        self._limited.update(found.limited)
        if found.limited and len(found.leases) < most:
            return found.leases + await self._claim_within_limits(found.limited, most - len(found.leases), terms)
        return found.leases

    async def _claim_within_limits(self, queues: Iterable[QueueRef], most: int, terms: Terms) -> list[Lease]:
        leases: list[Lease] = []
        for queue in queues:
            key = queue.project_id, queue.name
            async with transaction(self._pool) as connection:
                await connection.execute(SQL["lock_claims"], *key)
                # In a statement of its own: it sees what was committed while the lock was waited for.
                limits = await connection.fetchrow(SQL["queue_room"], *key)
                if limits is None or limits["room"] is None:
                    self._limited.discard(queue)
                room = most - len(leases) if limits is None or limits["room"] is None else limits["room"]
                wanted = min(room, most - len(leases))
                if wanted > 0:
                    found = await self._claim(connection, [queue], wanted, terms, room=True)
                    if found.leases and limits is not None and limits["rated"]:
                        await connection.execute(SQL["note_starts"], *key, len(found.leases))
                    leases += found.leases
            if len(leases) == most:
                break
        return leases

    async def _claim(
        self, db: Executor, queues: Collection[QueueRef], most: int, terms: Terms, *, room: bool
    ) -> _Found:
        """Claims until there is enough, or nothing more that may start; jobs of full keys in between are parked."""
        until, near = monotonic() + _PARKING, _NEAR
        found = await self._claim_once(db, queues, most, terms, room=room)
        parked = found.parked
        while parked and len(found.leases) < most and monotonic() < until:
            await db.execute(SQL["park_jobs"], parked, near)
            near = min(near * 4, _FAR)
            more = await self._claim_once(db, queues, most - len(found.leases), terms, room=room)
            found.leases.extend(more.leases)
            parked = more.parked
        return found

    async def _claim_once(
        self, db: Executor, queues: Collection[QueueRef], most: int, terms: Terms, *, room: bool
    ) -> _Found:
        places = list(product(queues, _HIGHEST_FIRST))
        positions = self._passed_by.positions(places)
        call = current_call.get()
        began = monotonic()
        rows = await db.fetch(
            _LEASE_TASKS,
            [queue.project_id for queue, _ in places],
            [queue.name for queue, _ in places],
            [priority for _, priority in places],
            [position.time for position in positions],
            [position.task_id for position in positions],
            [position.returns for position in positions],
            most,
            terms.worker,
            terms.duration,
            terms.streamed,
            room,
            (call.caller.user_id if call.caller else "") or None,
            call.traceparent,
        )
        took = monotonic() - began
        found = _Found()
        last: dict[int, asyncpg.Record] = {}
        for row in rows:
            if row["task_id"] is None:
                found.limited.append(places[row["number"] - 1][0])
                continue
            last[row["number"]] = row
            if row["id"] is None:
                found.parked.append(str(row["task_id"]))
            else:
                found.leases.append(Lease(str(row["lease_id"]), task_from_row(row), row["lease_end"]))
        for number, row in last.items():
            position = Position(row["ready_time"], str(row["task_id"]), row["returns"])
            self._passed_by.note(*places[number - 1], position, now=row["moment"], took=took)
        return found
