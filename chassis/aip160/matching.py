"""Whether a protobuf message is what a filter asks for: the meaning that a store's SQL has to have as well."""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.message import Message

from chassis.aip160.fields import Field, Kind
from chassis.aip160.nodes import And, Compare, Contains, Has, Like, Node, Not, Op, Or, Pattern, Present, Word

_OPERATORS: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.EQUAL: operator.eq,
    Op.LESS: operator.lt,
    Op.LESS_OR_EQUAL: operator.le,
    Op.GREATER: operator.gt,
    Op.GREATER_OR_EQUAL: operator.ge,
}


def matches(node: Node, message: Message) -> bool:  # noqa: PLR0911  # one a kind of node
    """Whether the message is one of those that the filter means."""
    match node:
        case And(parts):
            return all(matches(part, message) for part in parts)
        case Or(parts):
            return any(matches(part, message) for part in parts)
        case Not(part):
            return not matches(part, message)
        case Compare(field, op, value):
            present = _value(message, field)
            return present is not None and _OPERATORS[op](present, value)
        case Like(field, pattern):
            return _fits(pattern.parts, _value(message, field))
        case Contains(field, pattern):
            return _fits(("", *(part.lower() for part in pattern.parts), ""), _value(message, field).lower())
        case Has(field, pattern):
            return any(_fits(pattern.parts, text) for text in _value(message, field))
        case Present(field):
            return bool(_value(message, field))
        case Word(field, pattern):
            return re.search(word_expression(pattern), _value(message, field).lower()) is not None


def word_expression(pattern: Pattern) -> str:
    r"""The regular expression of a word in a text in lower case; PostgreSQL reads it as Python does.

    Around it stands no character of a word, unless a `*` does.
    """
    before = r"(?<!\w)" if pattern.parts[0] else ""
    after = r"(?!\w)" if pattern.parts[-1] else ""
    return before + r"\w*".join(re.escape(part.lower()) for part in pattern.parts if part) + after


def _fits(parts: tuple[str, ...], text: str) -> bool:
    """Whether the text is these parts with anything between; each is taken where it first comes: no backtracking."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    end = len(text) - len(last)
    at = len(first)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _value(message: Message, field: Field) -> Any:
    """The field's value; None for an absent id or time."""
    value = getattr(message, field.name)
    if field.kind is Kind.ID:
        return value or None
    if field.kind is Kind.TIME:
        if not message.HasField(field.name):
            return None
        seconds, microseconds = value.seconds, value.nanos // 1000
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    return value
