"""The statements that write versions of tasks, each with the event that tells of it."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from uuid_utils.compat import uuid7

from chassis.caller import current_call
from chassis.postgres import Executor
from tasksvc.domain.change import Change
from tasksvc.domain.task import Task
from tasksvc.partitions import partition_of
from tasksvc.statements import SQL
from tasksvc.task_rows import changing, task_from_row, task_to_body

_TEXTS: Final = frozenset({"title", "description"})
_ASSIGN_TEXTS: Final = "title = new.title, description = new.description,"
# The planner takes an array for a hundred items, for which it would rather read the whole table.
_ONE: Final = "(SELECT $1::jsonb)"
_MANY: Final = "jsonb_array_elements($1)"
_CHANGEABLE: Final = (
    *("project_id", "status", "priority", "labels", "assignee_id", "due_time", "schedule_time", "delete_time"),
    *("parent_id", "result", "progress_percent", "progress_message", "attempt", "last_error", "lease_expire_time"),
    *("worker", "blocked_by", "recurrence", "recurrence_mode", "recurrence_time_zone", "series_id"),
)
_CHANGE_TASKS: Final = {
    (one, texts): SQL["change_tasks"].format(
        items=_ONE if one else _MANY,
        texts=_ASSIGN_TEXTS if texts else "",
        **changing(*_CHANGEABLE, *(_TEXTS if texts else ())),
    )
    for one in (True, False)
    for texts in (True, False)
}


async def write_first(db: Executor, changes: Sequence[Change]) -> list[Task]:
    """Stores first versions, all or none; the tasks in this order. The queues that they name are there."""
    statement = SQL["enqueue_tasks" if any(change.task.queue for change in changes) else "create_tasks"]
    items = _items(changes)
    rows = await db.fetch(statement.format(items=_ONE if len(items) == 1 else _MANY), *_parameters(items))
    created = tasks_by_id(rows)
    return [created[change.task.id] for change in changes]


async def write_next(db: Executor, changes: Sequence[Change], *, locked: bool) -> dict[str, Task]:
    """Stores next versions; those of the tasks, by id, that still were in the version before.

    A task that others wait for is written only if its row was `locked` before.
    """
    if not changes:
        return {}
    texts = any(not _TEXTS.isdisjoint(change.fields) for change in changes)
    items = _items(changes)
    statement = _CHANGE_TASKS[len(items) == 1, texts]
    return tasks_by_id(await db.fetch(statement, *_parameters(items), not locked))


async def tell_departures(db: Executor, left: Sequence[tuple[Task, str]]) -> None:
    """Tells of tasks, given as they were, in the projects that they leave for others in this transaction."""
    items = [
        {
            "task": task_to_body(task),
            "event_id": str(uuid7()),
            "partition": partition_of(task.id),
            "destination_id": destination,
        }
        for task, destination in left
    ]
    _, *who = _parameters(items)
    await db.execute(SQL["tell_departures"], items, *who)


def tasks_by_id(rows: Sequence[asyncpg.Record]) -> dict[str, Task]:
    """The tasks of the rows."""
    return {task.id: task for task in map(task_from_row, rows)}


def _items(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {
            "task": task_to_body(change.task),
            "event_id": str(uuid7()),
            "partition": partition_of(change.task.id),
            "type": change.type,
            "fields": change.fields,
            **({"mentioned": change.mentioned} if change.mentioned else {}),
        }
        for change in changes
    ]


def _parameters(items: Sequence[dict[str, Any]]) -> tuple[Any, str | None, str]:
    call = current_call.get()
    actor = call.caller.user_id if call.caller else None
    return items[0] if len(items) == 1 else items, actor or None, call.traceparent
