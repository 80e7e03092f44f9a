"""Which tasks a caller asks for, as SQL: a filter's meaning, with every value in a parameter."""

from collections.abc import Iterable
from typing import Any, Final

from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.aip160 import (
    And,
    Compare,
    Contains,
    Field,
    Fields,
    Has,
    Kind,
    Like,
    Node,
    Not,
    Or,
    Pattern,
    Present,
    Word,
)
from chassis.aip160.matching import word_expression

FIELDS: Final = Fields.of(
    Task.DESCRIPTOR,
    [
        *("status", "priority", "labels", "assignee_id", "creator_id", "project_id", "parent_id", "queue", "title"),
        *("description", "due_time", "schedule_time", "start_time", "end_time", "create_time", "update_time"),
        *("delete_time", "lease_expire_time", "version", "attempt", "worker", "id"),
    ],
    words="title",
    people=["assignee_id", "creator_id"],
    ordered=["priority"],
)
PROJECT: Final = FIELDS.by_name["project_id"]

_TYPES: Final = {
    Kind.TEXT: "text",
    Kind.ID: "uuid",
    Kind.INTEGER: "bigint",
    Kind.ENUM: "smallint",
    Kind.TIME: "timestamptz",
}


class Parameters:
    """The values of a statement under construction."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any, kind: str) -> str:
        """Where in the statement the value stands from now on."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


def condition(node: Node, parameters: Parameters) -> str:  # noqa: C901, PLR0911  # one a kind of node
    """True for the tasks that `chassis.aip160.matches` holds for; for others false or null."""
    match node:
        case And(parts):
            return _joined(" AND ", parts, parameters) if parts else "true"
        case Or(parts):
            return _joined(" OR ", parts, parameters)
        case Not(part):
            # Not NOT: what isn't known to be true is to count.
            return f"({condition(part, parameters)}) IS NOT TRUE"
        case Compare(field, op, value):
            return f"{_column(field)} {op} {parameters.add(value, _TYPES[field.kind])}"
        case Like(field, pattern):
            return f"{_column(field)} LIKE {parameters.add(like(pattern), 'text')}"
        case Contains(field, pattern):
            like_anywhere = like(Pattern(("", *(part.lower() for part in pattern.parts), "")))
            return f"lower({_column(field)}) LIKE {parameters.add(like_anywhere, 'text')}"
        case Has(field, pattern) if pattern.literal:
            return f"{_column(field)} @> ARRAY[{parameters.add(str(pattern), 'text')}]"
        case Has(field, pattern):
            has = f"element LIKE {parameters.add(like(pattern), 'text')}"
            return f"EXISTS (SELECT FROM unnest({_column(field)}) AS element WHERE {has})"
        case Present(field):
            return _present(field)
        case Word(field, pattern):
            return f"lower({_column(field)}) ~ {parameters.add(word_expression(pattern), 'text')}"


def names_project(node: Node) -> bool:
    """Whether the filter says anything of projects."""
    match node:
        case And(parts) | Or(parts):
            return any(map(names_project, parts))
        case Not(part):
            return names_project(part)
        case Compare(field) | Like(field) | Contains(field) | Has(field) | Present(field) | Word(field):
            return field == PROJECT


def like(pattern: Pattern) -> str:
    """The pattern in LIKE's notation."""
    escaped = (part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for part in pattern.parts)
    return "%".join(escaped)


def _joined(operator: str, parts: Iterable[Node], parameters: Parameters) -> str:
    return operator.join(f"({condition(part, parameters)})" for part in parts)


def _present(field: Field) -> str:
    column = _column(field)
    match field.kind:
        case Kind.TEXT:
            return f"{column} <> ''"
        case Kind.TEXTS:
            return f"{column} <> '{{}}'"
        case Kind.INTEGER | Kind.ENUM:
            return f"{column} <> 0"
    return f"{column} IS NOT NULL"


def _column(field: Field) -> str:
    # The columns are named as the proto's fields are.
    return f"task.{field.name}"
