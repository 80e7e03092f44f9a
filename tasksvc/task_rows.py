"""A task as PostgreSQL has it: a row of `task_states`, and the JSON of one, as statements and events carry it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from tasksvc.domain.task import MOMENT, Priority, RecurrenceMode, Status, Task, UniqueScope

# Read by PostgreSQL as the time of the transaction, the same that its now() gives.
_NOW: Final = "now"
_TIMES: Final = tuple(name for name in Task.__dataclass_fields__ if name.endswith("_time"))
_COLUMNS: Final = tuple(Task.__dataclass_fields__)
_STAMPS: Final = frozenset({"start_time", "end_time", "update_time"})
_PARTS: Final = {"progress": ("progress_percent", "progress_message")}
_LONG: Final = frozenset({"title", "description", "result", "last_error"})


def columns(row: str) -> str:
    """What is taken of a row of `tasks` to give one of `task_states`: whole, it has the search's words too."""
    return ", ".join(f"{row}.{name}" for name in _COLUMNS)


def previous(*names: str) -> str:
    """What a statement that changes these columns returns of them as they were, and of the stamps, as a row of its own.

    Long texts that didn't change aren't kept twice.
    """
    kept = _STAMPS.union(names)
    values = (_former(name) if name in kept else "NULL" for name in _COLUMNS)
    return f"ROW({', '.join(values)})::task_states"


def changing(*names: str, row: str = "changed") -> dict[str, str]:
    """What goes into a statement that changes these columns of tasks and then calls the rows so."""
    return {"columns": columns("task"), "previous": previous(*names), "changed": columns(row)}


def task_from_row(row: asyncpg.Record) -> Task:
    """The task in a row that has the columns of `task_states`, maybe among others."""
    return _task({name: row[name] for name in _COLUMNS})


def task_from_body(body: Mapping[str, Any]) -> Task:
    """The task that an event tells of."""
    values = {name: body[name] for name in _COLUMNS}
    for name in _TIMES:
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
    return _task(values)


def task_before(body: Mapping[str, Any], previous: Mapping[str, Any], fields: Iterable[str]) -> Task:
    """The task before the change of these fields that an event tells of; its version is one less."""
    names = _STAMPS.union(*(_PARTS.get(name, (name,)) for name in fields))
    return task_from_body({**body, **{name: previous[name] for name in names}, "version": body["version"] - 1})


def task_to_body(task: Task) -> dict[str, Any]:
    """The JSON from which a statement makes the row."""
    values = {name: getattr(task, name) for name in _COLUMNS}
    for name in _TIMES:
        time = values[name]
        if time is not None:
            values[name] = _NOW if time is MOMENT else time.isoformat()
    return values


def _former(name: str) -> str:
    return f"CASE WHEN old.{name} IS DISTINCT FROM task.{name} THEN old.{name} END" if name in _LONG else f"old.{name}"


def _task(values: dict[str, Any]) -> Task:
    for name in ("id", "project_id", "creator_id"):
        values[name] = str(values[name])
    for name in ("assignee_id", "parent_id", "series_id"):
        if values[name] is not None:
            values[name] = str(values[name])
    values["status"] = Status(values["status"])
    values["priority"] = Priority(values["priority"])
    values["labels"] = tuple(values["labels"])
    values["unique_scope"] = UniqueScope(values["unique_scope"])
    values["blocked_by"] = tuple(map(str, values["blocked_by"]))
    values["recurrence_mode"] = RecurrenceMode(values["recurrence_mode"])
    return Task(**values)
