"""A filter in SQL: what `matches` says of a message, said of a table's rows. Every value is in a parameter."""

from typing import Any, Final

from chassis.aip160.fields import Field, Kind
from chassis.aip160.matching import word_expression
from chassis.aip160.nodes import And, Compare, Contains, Has, Like, Node, Not, Or, Pattern, Present, Word

_TYPES: Final = {
    Kind.TEXT: "text",
    Kind.ID: "uuid",
    Kind.INTEGER: "bigint",
    Kind.ENUM: "smallint",
    Kind.TIME: "timestamptz",
}

_PRESENT: Final = {
    Kind.TEXT: "<> ''",
    Kind.TEXTS: "<> '{}'",
    Kind.INTEGER: "<> 0",
    Kind.ENUM: "<> 0",
    Kind.ID: "IS NOT NULL",
    Kind.TIME: "IS NOT NULL",
}


class Parameters:
    """The values of a statement under construction."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any, kind: str) -> str:
        """Where in the statement the value stands from now on."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


def condition(table: str, node: Node, parameters: Parameters) -> str:  # noqa: C901, PLR0911  # one a kind of node
    """True for the rows that the filter means; for others false or null. The columns are named as the fields are."""
    match node:
        case And(()):
            return "true"
        case And(parts):
            return " AND ".join(f"({condition(table, part, parameters)})" for part in parts)
        case Or(parts):
            return " OR ".join(f"({condition(table, part, parameters)})" for part in parts)
        case Not(part):
            # Not NOT: what isn't known to be true is to count.
            return f"({condition(table, part, parameters)}) IS NOT TRUE"
        case Compare(field, op, value):
            return f"{table}.{field.name} {op} {parameters.add(value, _TYPES[field.kind])}"
        case Like(field, pattern):
            return f"{table}.{field.name} LIKE {parameters.add(_like(pattern), 'text')}"
        case Contains(field, pattern):
            like_anywhere = _like(Pattern(("", *(part.lower() for part in pattern.parts), "")))
            return f"lower({table}.{field.name}) LIKE {parameters.add(like_anywhere, 'text')}"
        case Has(field, pattern) if pattern.literal:
            return f"{table}.{field.name} @> ARRAY[{parameters.add(str(pattern), 'text')}]"
        case Has(field, pattern):
            has = f"element LIKE {parameters.add(_like(pattern), 'text')}"
            return f"EXISTS (SELECT FROM unnest({table}.{field.name}) AS element WHERE {has})"
        case Present(field):
            return f"{table}.{field.name} {_PRESENT[field.kind]}"
        case Word(field, pattern):
            return f"lower({table}.{field.name}) ~ {parameters.add(word_expression(pattern), 'text')}"


def names(node: Node, field: Field) -> bool:
    """Whether the filter says anything of the field."""
    match node:
        case And(parts) | Or(parts):
            return any(names(part, field) for part in parts)
        case Not(part):
            return names(part, field)
        case Compare(named) | Like(named) | Contains(named) | Has(named) | Present(named) | Word(named):
            return named == field


def _like(pattern: Pattern) -> str:
    """The pattern in LIKE's notation."""
    escaped = (part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for part in pattern.parts)
    return "%".join(escaped)
