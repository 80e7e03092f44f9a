"""In which order a list comes (AIP-132), and where its next page begins: right after a task, wherever others appear."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.aip160.sql import Parameters
from chassis.errors import InvalidOrderBy
from tasksvc.domain.task import Task

_TIMES: Final = (
    *("create_time", "update_time", "due_time", "schedule_time", "start_time", "end_time", "delete_time"),
    "lease_expire_time",
)
_TYPES: Final = {
    "priority": "smallint",
    "status": "smallint",
    "title": "text",
    "queue": "text",
    "version": "integer",
    "attempt": "integer",
    **dict.fromkeys(_TIMES, "timestamptz"),
    **dict.fromkeys(("id", "project_id", "assignee_id", "creator_id", "parent_id"), "uuid"),
}
_ALWAYS_THERE: Final = frozenset(_TYPES) - {*_TIMES, "assignee_id", "parent_id"} | {"create_time", "update_time"}
_KEY: Final = re.compile(r"(\w+)(?:\s+(asc|desc))?", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<=[a-z])[A-Z]")


@dataclass(frozen=True, slots=True)
class Key:
    """One field to sort by. Tasks without a value come last, in either direction."""

    field: str
    descending: bool = False

    @property
    def nullable(self) -> bool:
        """Whether a task may have no value."""
        return self.field not in _ALWAYS_THERE

    @property
    def sql(self) -> str:
        """As a part of ORDER BY."""
        last = " NULLS LAST" if self.nullable and self.descending else ""
        return f"task.{self.field}{' DESC' if self.descending else ''}{last}"


Order = Sequence[Key]
DEFAULT: Final[Order] = (Key("create_time", descending=True), Key("id", descending=True))


def read_order(order_by: str) -> Order:
    """The keys in `priority desc, create_time`, made unambiguous by the id at the end. Raises InvalidOrderBy."""
    if not order_by.strip():
        return DEFAULT
    keys: list[Key] = []
    for text in order_by.split(","):
        found = _KEY.fullmatch(text.strip())
        if found is None:
            raise _refusal(text.strip(), "is not a field, maybe followed by asc or desc")
        field = _CAMEL.sub(lambda letter: f"_{letter[0].lower()}", found[1])
        field = field if field in _TYPES else f"{field}_id"
        if field not in _TYPES:
            raise _refusal(found[1], "can't be sorted by")
        if any(key.field == field for key in keys):
            raise _refusal(found[1], "comes twice")
        keys.append(Key(field, (found[2] or "").lower() == "desc"))
    if all(key.field != "id" for key in keys):
        keys.append(Key("id", keys[-1].descending))
    return tuple(keys)


def order_sql(order: Order) -> str:
    """The ORDER BY clause's content."""
    return ", ".join(key.sql for key in order)


def position(order: Order, task: Task) -> list[Any]:
    """Where the task stands, as JSON: what a page token carries."""
    values = (getattr(task, key.field) for key in order)
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]


def after(order: Order, where: Sequence[Any], parameters: Parameters) -> str:
    """The condition for what comes after a position."""
    condition = "false"
    for key, value in reversed(list(zip(order, where, strict=True))):
        column = f"task.{key.field}"
        if value is None:
            condition = f"{column} IS NULL AND ({condition})"
            continue
        place = parameters.add(_typed(key, value), _TYPES[key.field])
        beyond = f"{column} {'<' if key.descending else '>'} {place}"
        absent = f" OR {column} IS NULL" if key.nullable else ""
        condition = f"{beyond}{absent} OR ({column} = {place} AND ({condition}))"
    first = order[0]
    if first.nullable:
        return condition
    # Says nothing new, but an index can begin there.
    place = parameters.add(_typed(first, where[0]), _TYPES[first.field])
    return f"task.{first.field} {'<=' if first.descending else '>='} {place} AND ({condition})"


def _typed(key: Key, value: Any) -> Any:
    return datetime.fromisoformat(value) if _TYPES[key.field] == "timestamptz" else value


def _refusal(name: str, why: str) -> InvalidOrderBy:
    allowed = ", ".join(_TYPES)
    return InvalidOrderBy(
        f"order_by: {name[:64]!r} {why}. These can be: {allowed}.", metadata={"field": name[:64], "allowed": allowed}
    )
