"""tasksvc's own workers, several times in one process, and tasks for them. Nobody waits: what they do is asked for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from chassis import jetstream
from chassis.postgres import Pool
from tasksvc.announcer import Announcer
from tasksvc.domain import change
from tasksvc.domain.task import RecurrenceMode, Task
from tasksvc.domain.transitions import Action, transition
from tasksvc.lease_store import LeaseStore
from tasksvc.outbox_bell import OutboxBell
from tasksvc.queue_bell import QueueBell
from tasksvc.task_rows import task_from_row
from tasksvc.task_store import Decide, Edit, TaskStore
from tasksvc.workers.due import Deadlines
from tasksvc.workers.purge import Purge
from tasksvc.workers.reaper import Reaper
from tasksvc.workers.recurrences import Recurrences
from tasksvc.workers.retention import BEGINNING, Retention
from tests.integration.tasksvc.faults.replica import Replica, replica

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Hand:
    """One replica's workers."""

    replica: Replica
    leases: LeaseStore
    reaper: Reaper
    deadlines: Deadlines
    recurrences: Recurrences
    retention: Retention
    purge: Purge


@dataclass(slots=True)
class Crew:
    """Three replicas' workers on one database, and what people do there."""

    hands: list[Hand]
    store: TaskStore = field(default_factory=TaskStore)

    @property
    def first(self) -> Hand:
        return self.hands[0]

    @property
    def pool(self) -> Pool:
        return self.first.replica.pool

    # --- what people do ---

    async def add(self, title: str = "water", **fields: Any) -> Task:
        where = self.first.replica
        task_id = str(uuid7())
        if fields.get("recurrence"):
            fields = {"recurrence_mode": RecurrenceMode.AFTER_END, "series_id": task_id} | fields
        task = Task(
            **{"id": task_id, "project_id": where.project_id, "creator_id": where.user_id, "title": title} | fields
        )
        return (await self.store.create(self.pool, [change.create(task)])).tasks[0]

    async def do(self, task: Task, decide: Decide) -> Task:
        return (await self.store.change(self.pool, Edit(await self.now(task), decide))).tasks[0]

    async def end(self, task: Task, action: Action = Action.COMPLETE) -> Task:
        return await self.do(task, lambda seen: transition(seen, action))

    async def update(self, task: Task, **values: Any) -> Task:
        return await self.do(task, lambda seen: change.update(seen, values))

    async def delete(self, task: Task) -> Task:
        return await self.do(task, change.delete)

    # --- what is seen ---

    async def now(self, task: Task) -> Task:
        found = await self.store.get(self.pool, task.id)
        assert found is not None
        return found

    async def series(self, task: Task) -> list[Task]:
        """Its tasks, the first one first."""
        rows = await self.pool.fetch("SELECT * FROM task_states WHERE series_id = $1 ORDER BY id", UUID(task.series_id))
        return [task_from_row(row) for row in rows]

    async def next(self, task: Task) -> Task:
        """The newest of its series, which is another one."""
        newest = (await self.series(task))[-1]
        assert newest.id != task.id
        return newest

    async def events(self, task: Task) -> list[asyncpg.Record]:
        return await self.pool.fetch("SELECT * FROM events WHERE task_id = $1 ORDER BY version", UUID(task.id))

    async def told(self, task: Task) -> list[str]:
        """Which events, after its creation."""
        return [row["type"].removeprefix("task.") for row in await self.events(task)][1:]

    # --- time ---

    async def sql(self, statement: str, *args: Any) -> None:
        """For moving times, as if they had passed."""
        await self.pool.execute(statement, *args)

    # --- what the workers do ---

    async def take_back(self) -> None:
        await self._until_done([hand.reaper._take_back for hand in self.hands])

    async def tell(self) -> None:
        await self._until_done([hand.deadlines._tell for hand in self.hands])

    async def go_on(self) -> None:
        await self._until_done([hand.recurrences._go_on for hand in self.hands])

    async def keep_house(self) -> None:
        for hand in self.hands:
            looking = hand.retention
            while await looking._look() or set(looking._places.values()) - {BEGINNING}:
                pass  # a round has many stretches
        await self._until_done([hand.purge._remove for hand in self.hands])

    @staticmethod
    async def _until_done(steps: list[Callable[[], Awaitable[bool]]]) -> None:
        """All replicas at once, until none has more to do."""
        while any(await asyncio.gather(*(step() for step in steps))):
            pass
        # What one was at is passed over by the others, who are done too early then.
        for step in steps:
            await step()


@asynccontextmanager
async def hand(database: str, redis_url: str, nats_url: str, project_id: str, user_id: str) -> AsyncIterator[Hand]:
    """One more replica's workers."""
    async with (
        replica(database, redis_url, project_id, user_id) as where,
        jetstream.connect(nats_url) as bus,
    ):
        announcer = Announcer(where.cache, OutboxBell(bus), QueueBell(bus))
        leases = LeaseStore(where.pool)
        yield Hand(
            where,
            leases,
            Reaper(leases, announcer),
            Deadlines(where.pool, announcer, ahead=HOUR),
            Recurrences(where.pool, announcer),
            Retention(where.pool, announcer, stretch=3),
            Purge(where.pool, announcer, kept=HOUR),
        )
