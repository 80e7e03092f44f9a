"""Tasks in PostgreSQL: the only place with their SQL. Every write is one statement, with the events that tell of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from chassis.aip132 import Order
from chassis.aip160.sql import Parameters
from chassis.errors import Conflict
from chassis.page_bytes import MOST_BYTES, Portion
from chassis.postgres import Executor, transaction
from tasksvc.batch import Batch
from tasksvc.blockers import check_circles, check_free, check_seen, follow_blockers, set_blockers
from tasksvc.domain.change import Change, PastChange, not_found
from tasksvc.domain.queue import QueueRef, queue_of
from tasksvc.domain.task import Task
from tasksvc.jobs import Followed, Jobs, note_returns
from tasksvc.mentions import with_mentions
from tasksvc.places import at
from tasksvc.statements import SQL
from tasksvc.task_homes import check_assignees, check_homes, check_parents, hold_parents, no_parent
from tasksvc.task_rows import task_from_body, task_from_row
from tasksvc.task_writes import tasks_by_id, tell_departures, write_first, write_next
from tasksvc.unique_keys import free_unique_keys, take_unique_keys

Decide: TypeAlias = Callable[[Task], Change | None]
"""Makes a change of the present version, or None if there is nothing to change; refuses by raising."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One task's part in a write."""

    seen: Task
    """The version that the caller knows; `decide` is asked again if there is a newer one."""
    decide: Decide
    place: str = ""
    """Where in a batch it stands, for errors."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left."""

    tasks: list[Task]
    """In the order of what was asked."""
    woken: frozenset[QueueRef] = frozenset()
    """Where other tasks than these may start because of it."""


class TaskStore:
    """Reads and writes tasks through whatever runs statements: the pool, or the connection of a transaction."""

    def __init__(self) -> None:
        self._jobs = Jobs()

    async def get(self, db: Executor, task_id: str) -> Task | None:
        """The task, deleted or not; None if there never was one."""
        row = await db.fetchrow(SQL["get_task"], task_id)
        return None if row is None else task_from_row(row)

    async def get_all(self, db: Executor, task_ids: Collection[str]) -> dict[str, Task]:
        """Those of the tasks that there are, by id, deleted or not."""
        return tasks_by_id(await db.fetch(SQL["get_tasks"], task_ids))

    async def page(self, db: Executor, where: str, parameters: Parameters, order: Order, size: int) -> Portion[Task]:
        """The first tasks that the condition is true of, in this order."""
        statement = SQL["list_tasks"].format(where=where, order=order.sql, limit=size + 1, bytes=MOST_BYTES)
        rows = await db.fetch(statement, *parameters.values)
        return Portion.of([task_from_row(row) for row in rows], rows, size)

    async def history(
        self, db: Executor, task_id: str, beyond: int | None, size: int, *, newest_first: bool
    ) -> Portion[PastChange]:
        """The changes that led to the task's versions, after that one."""
        order, after = ("DESC", "<") if newest_first else ("ASC", ">")
        statement = SQL["list_task_history"].format(order=order, after=after)
        rows = await db.fetch(statement, task_id, beyond, size + 1, MOST_BYTES)
        return Portion.of([_past_change(row) for row in rows], rows, size)

    async def create(self, db: Executor, changes: Sequence[Change], places: Sequence[str] = ("",)) -> Written:
        """Stores first versions, all or none."""
        await check_assignees(db, changes, places)
        changes = await with_mentions(db, changes, [None] * len(changes))
        tasks = [change.task for change in changes]
        await self._jobs.ensure_queues(db, filter(None, map(queue_of, tasks)))
        parents = {task.parent_id for task in tasks if task.parent_id}
        blockers = {blocker for task in tasks for blocker in task.blocked_by}
        keyed = [pair for pair in zip(tasks, places, strict=True) if pair[0].unique_key]
        if not (parents or blockers or keyed):
            return Written(await write_first(db, changes))
        async with transaction(db) as connection:
            if blockers:
                locked = await _lock(connection, parents | blockers)
                await check_seen(connection, {place: t.blocked_by for t, place in zip(tasks, places, strict=True)})
                check_parents(changes, places, {t.id: t.project_id for t in locked.values() if t.delete_time is None})
            elif parents:
                check_parents(changes, places, await hold_parents(connection, parents))
            if keyed:
                await take_unique_keys(connection, *zip(*keyed, strict=True))
            written = Written(await write_first(connection, changes))
            if blockers:
                await set_blockers(connection, [task for task in tasks if task.blocked_by])
        return written

    async def change(self, db: Executor, edit: Edit) -> Written:
        """Stores what is decided.

        First of the version that was seen. If another change came in between, once more of the newest one, now locked:
        concurrent changes of different fields all survive, and of two equal transitions one is refused.
        """
        change = edit.decide(edit.seen)
        if change is None:
            return Written([edit.seen])
        if _stands_alone(edit.seen, change):
            await check_assignees(db, [change], [edit.place])
            told = await with_mentions(db, [change], [edit.seen])
            if written := await write_next(db, told, locked=False):
                return Written([written[change.task.id]])
        return await self.change_all(db, [edit])

    async def change_all(self, db: Executor, edits: Sequence[Edit]) -> Written:
        """Stores what is decided of each task, all or none."""
        expected = Batch.of((edit.seen, _decided(edit, edit.seen), edit.place) for edit in edits)
        await self._jobs.ensure_queues(db, expected.queues)
        async with transaction(db) as connection:
            # Ahead of the rows, by everybody: who holds a row waits for no tree.
            if expected.trees:
                await connection.execute(SQL["lock_trees"], expected.trees)
            if expected.newly_blocked:
                await connection.execute(SQL["lock_circles"])
            others = expected.parents | expected.blockers
            tasks = await _lock(connection, others | {edit.seen.id for edit in edits})
            for edit in edits:
                if edit.seen.id not in tasks:  # removed for good meanwhile
                    with at(edit.place):
                        raise not_found(edit.seen.id)
            batch = Batch.of((tasks[edit.seen.id], _decided(edit, tasks[edit.seen.id]), edit.place) for edit in edits)
            if not (batch.trees <= expected.trees and batch.blockers <= others and batch.queues <= expected.queues):
                raise Conflict("Another change moved the task meanwhile; try again.")
            for step in batch.steps:
                if step.after.parent_id in expected.parents - tasks.keys():
                    with at(step.place):
                        raise no_parent(step.after.parent_id)
            await self._check(connection, batch)
            changes = [step.change for step in batch.steps]
            told = await with_mentions(connection, changes, [step.before for step in batch.steps])
            tasks |= await write_next(connection, told, locked=True)
            if batch.moved:
                await tell_departures(connection, [(step.before, step.after.project_id) for step in batch.moved])
            woken = await self._follow(connection, batch)
        return Written([tasks[edit.seen.id] for edit in edits], woken)

    async def _check(self, db: Executor, batch: Batch) -> None:
        """Refuses what can be seen to be wrong before it is stored."""
        await check_assignees(db, [step.change for step in batch.steps], [step.place for step in batch.steps])
        if batch.newly_blocked:
            await check_seen(db, {step.place: step.new_blockers for step in batch.newly_blocked})
        if batch.begun:
            await check_free(db, {step.after.id: step.place for step in batch.begun})

    async def _follow(self, db: Executor, batch: Batch) -> frozenset[QueueRef]:
        """What goes along with the new versions; where something may start because of it."""
        if batch.blocked:
            await set_blockers(db, [step.after for step in batch.blocked])
        if batch.newly_blocked:
            await check_circles(db, {step.after.id: step.place for step in batch.newly_blocked})
        if batch.rehomed:
            await check_homes(db, {step.after.id: (step.after, step.place) for step in batch.rehomed})
        followed = Followed()
        if batch.queued:
            followed |= await self._jobs.follow(db, [step.after.id for step in batch.queued])
        if batch.turned:
            followed |= await follow_blockers(db, [step.after.id for step in batch.turned])
        if batch.key_freed:
            await free_unique_keys(db, [step.before for step in batch.key_freed])
        if batch.key_taken:
            takers = batch.key_taken
            await take_unique_keys(db, [step.after for step in takers], [step.place for step in takers])
        await note_returns(db, followed.returned)
        return followed.woken


def _decided(edit: Edit, task: Task) -> Change | None:
    with at(edit.place):
        return edit.decide(task)


def _stands_alone(before: Task, change: Change) -> bool:
    """Whether nothing but the task and its event has to be written."""
    tied = before.queue or before.unique_key or before.blocked_by or change.task.blocked_by
    return not (tied or change.rehomes)


async def _lock(db: Executor, task_ids: Collection[str]) -> dict[str, Task]:
    return tasks_by_id(await db.fetch(SQL["lock_tasks"], task_ids))


def _past_change(row: asyncpg.Record) -> PastChange:
    return PastChange(
        event_id=str(row["event_id"]),
        type=row["type"],
        time=row["time"],
        actor_id=str(row["actor_id"]) if row["actor_id"] else None,
        fields=tuple(row["changed_fields"]),
        task=task_from_body(row["body"]),
    )
