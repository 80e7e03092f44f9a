"""Tasks in PostgreSQL: the only place with their SQL. Every write is one statement, with the events that tell of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import asyncpg
from uuid_utils.compat import uuid7

from chassis.caller import current_call
from chassis.errors import Conflict, InvalidField
from chassis.postgres import Executor, queries, transaction
from tasksvc.domain.change import Change, PastChange
from tasksvc.domain.queue import QueueRef, queue_of
from tasksvc.domain.task import Task
from tasksvc.jobs import Jobs
from tasksvc.ordering import Order, order_sql
from tasksvc.page_bytes import MOST_BYTES, Portion
from tasksvc.partitions import partition_of
from tasksvc.places import at
from tasksvc.task_filter import Parameters
from tasksvc.task_rows import task_from_body, task_from_row, task_to_body

SQL: Final = queries("tasksvc")
_TEXTS: Final = frozenset({"title", "description"})
_ASSIGN_TEXTS: Final = "title = new.title, description = new.description,"
# The planner takes an array for a hundred items, for which it would rather read the whole table.
_ONE: Final = "(SELECT $1::jsonb)"
_MANY: Final = "jsonb_array_elements($1)"

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
    woken: set[QueueRef] = field(default_factory=set)
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
        return _by_id(await db.fetch(SQL["get_tasks"], task_ids))

    async def page(self, db: Executor, where: str, parameters: Parameters, order: Order, size: int) -> Portion[Task]:
        """The first tasks that the condition is true of, in this order."""
        statement = SQL["list_tasks"].format(where=where, order=order_sql(order), limit=size + 1, bytes=MOST_BYTES)
        rows = await db.fetch(statement, *parameters.values)
        return Portion.of([task_from_row(row) for row in rows], rows, size)

    async def history(self, db: Executor, task_id: str, before: int | None, size: int) -> Portion[PastChange]:
        """The changes that led to versions before this one, newest first."""
        rows = await db.fetch(SQL["list_task_history"], task_id, before, size + 1, MOST_BYTES)
        return Portion.of([_past_change(row) for row in rows], rows, size)

    async def create(self, db: Executor, changes: Sequence[Change], places: Sequence[str] = ("",)) -> Written:
        """Stores first versions, all or none."""
        await _check_assignees(db, changes, places)
        await self._jobs.ensure_queues(db, filter(None, (queue_of(change.task) for change in changes)))
        parents = {change.task.parent_id for change in changes if change.task.parent_id}
        if not parents:
            return Written(await _create(db, changes))
        async with transaction(db) as connection:
            rows = await connection.fetch(SQL["hold_parents"], parents)
            there = {str(row["id"]): str(row["project_id"]) for row in rows}
            for change, place in zip(changes, places, strict=True):
                parent = change.task.parent_id
                if parent and there.get(parent) != change.task.project_id:
                    with at(place):
                        raise _no_parent(parent)
            return Written(await _create(connection, changes))

    async def change(self, db: Executor, edit: Edit) -> Written:
        """Stores what is decided.

        First of the version that was seen. If another change came in between, once more of the newest one, now locked:
        concurrent changes of different fields all survive, and of two equal transitions one is refused.
        """
        change = edit.decide(edit.seen)
        if change is None:
            return Written([edit.seen])
        if not change.rehomes and not change.task.queue:
            await _check_assignees(db, [change], [edit.place])
            if written := await _change(db, [change]):
                return Written([written[change.task.id]])
        return await self.change_all(db, [edit])

    async def change_all(self, db: Executor, edits: Sequence[Edit]) -> Written:
        """Stores what is decided of each task, all or none."""
        expected = [(edit.seen, change) for edit in edits if (change := _decided(edit, edit.seen))]
        trees = _trees(expected)
        parents = {change.task.parent_id for _, change in expected if change.rehomes and change.task.parent_id}
        async with transaction(db) as connection:
            # Ahead of the rows, by everybody: who holds a row waits for no tree.
            if trees:
                await connection.execute(SQL["lock_trees"], trees)
            tasks = _by_id(await connection.fetch(SQL["lock_tasks"], parents | {edit.seen.id for edit in edits}))
            decided = [(edit, change) for edit in edits if (change := _decided(edit, tasks[edit.seen.id]))]
            if not _trees([(tasks[change.task.id], change) for _, change in decided]) <= trees:
                raise Conflict("Another change moved the task meanwhile; try again.")
            changes, places = [change for _, change in decided], [edit.place for edit, _ in decided]
            for change, place in zip(changes, places, strict=True):
                if change.task.parent_id in parents - tasks.keys():
                    with at(place):
                        raise _no_parent(change.task.parent_id)
            await _check_assignees(connection, changes, places)
            queued = [change.task for change in changes if change.task.queue]
            await self._jobs.ensure_queues(connection, filter(None, map(queue_of, queued)))
            tasks |= await _change(connection, changes)
            woken = await self._jobs.follow(connection, [task.id for task in queued]) if queued else set()
            await _check_homes(connection, changes, places)
        return Written([tasks[edit.seen.id] for edit in edits], woken)


def _decided(edit: Edit, task: Task) -> Change | None:
    with at(edit.place):
        return edit.decide(task)


def _trees(decided: Sequence[tuple[Task, Change]]) -> set[str]:
    """The projects in which tasks come to stand under others, or no longer do."""
    return {
        project
        for before, change in decided
        if change.rehomes
        for project in (before.project_id, change.task.project_id)
    }


async def _create(db: Executor, changes: Sequence[Change]) -> list[Task]:
    queued = any(change.task.queue for change in changes)
    created = await _write(db, "enqueue_tasks" if queued else "create_tasks", changes)
    return [created[change.task.id] for change in changes]


async def _change(db: Executor, changes: Sequence[Change]) -> dict[str, Task]:
    """Those of the tasks that still were in the version before."""
    if not changes:
        return {}
    texts = any(not _TEXTS.isdisjoint(change.fields) for change in changes)
    return await _write(db, "change_tasks", changes, texts=_ASSIGN_TEXTS if texts else "")


async def _write(db: Executor, name: str, changes: Sequence[Change], **parts: str) -> dict[str, Task]:
    call = current_call.get()
    actor = call.caller.user_id if call.caller else None
    items: list[dict[str, Any]] = [
        {
            "task": task_to_body(change.task),
            "event_id": str(uuid7()),
            "partition": partition_of(change.task.id),
            "type": change.type,
            "fields": change.fields,
        }
        for change in changes
    ]
    one = len(items) == 1
    statement = SQL[name].format(items=_ONE if one else _MANY, **parts)
    return _by_id(await db.fetch(statement, items[0] if one else items, actor or None, call.traceparent))


async def _check_assignees(db: Executor, changes: Sequence[Change], places: Sequence[str]) -> None:
    """Refuses tasks that come to somebody who is no member of their project."""
    call = current_call.get()
    caller = call.caller.user_id if call.caller else ""
    assigned = {
        (change.task.project_id, change.task.assignee_id): place
        for change, place in zip(changes, places, strict=True)
        if change.task.assignee_id and not {"assignee_id", "project_id"}.isdisjoint(change.fields)
    }
    # Whose role was looked at when the call began.
    pairs = [pair for pair in assigned if pair[1] != caller]
    if not pairs:
        return
    projects, users = zip(*pairs, strict=True)
    for row in await db.fetch(SQL["list_strangers"], projects, users):
        with at(assigned[row["project_id"], row["user_id"]]):
            raise InvalidField.named("task.assignee_id", row["user_id"], "must be a member of the task's project")


async def _check_homes(db: Executor, changes: Sequence[Change], places: Sequence[str]) -> None:
    """Refuses what was just stored if it put a task where none can be; the transaction goes with it."""
    rehomed = {change.task.id: (change, place) for change, place in zip(changes, places, strict=True) if change.rehomes}
    if not rehomed:
        return
    for row in await db.fetch(SQL["misplaced_tasks"], list(rehomed)):
        change, place = rehomed[str(row["id"])]
        with at(place):
            if row["parent_elsewhere"]:
                raise _no_parent(change.task.parent_id)
            if row["in_circle"]:
                raise InvalidField.named(
                    "task.parent_id", change.task.parent_id, "must not be the task itself or a part of it"
                )
            if row["left_subtasks"]:
                raise InvalidField.named(
                    "task.project_id",
                    change.task.project_id,
                    "would leave subtasks behind: move them too, or free them",
                )


def _past_change(row: asyncpg.Record) -> PastChange:
    return PastChange(
        event_id=str(row["event_id"]),
        type=row["type"],
        time=row["time"],
        actor_id=str(row["actor_id"]) if row["actor_id"] else None,
        fields=tuple(row["changed_fields"]),
        task=task_from_body(row["body"]),
    )


def _no_parent(parent: str | None) -> InvalidField:
    return InvalidField.named("task.parent_id", parent, "must be a task of the same project")


def _by_id(rows: Sequence[asyncpg.Record]) -> dict[str, Task]:
    return {task.id: task for task in map(task_from_row, rows)}
