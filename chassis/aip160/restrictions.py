"""`name comparator value`: what it means for a field of each kind, and why it can't be meant."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chassis.aip160.fields import Field, Fields, Kind
from chassis.aip160.nodes import And, Compare, Contains, Has, Like, Node, Not, Op, Pattern, Present, Word

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_MOST: Final = 2**63 - 1
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MOST_GAPS: Final = 16
_ESCAPES: Final = re.compile(r"\\(.)|(\*)|([^\\*]+)|\\", re.DOTALL)


class Unfit(ValueError):
    """A restriction that can't be meant, and where in the filter the reason stands (from 0)."""

    def __init__(self, problem: str, at: int) -> None:
        super().__init__(problem)
        self.at = at


@dataclass(frozen=True, slots=True)
class Literal:
    """A text as it stands in the filter, without its quotation marks."""

    raw: str
    at: int
    quoted: bool

    @property
    def pattern(self) -> Pattern:
        r"""With `*` for anything; after a backslash every character, `*` and `\` too, is itself. May be Unfit."""
        parts = [""]
        for escaped, star, plain in _ESCAPES.findall(self.raw):
            if star:
                parts.append("")
            else:
                parts[-1] += escaped or plain
        if len(parts) > _MOST_GAPS + 1:
            raise Unfit(f"more than {_MOST_GAPS} wildcards in one text", self.at)
        return Pattern(tuple(parts))

    @property
    def text(self) -> str:
        """What is written, read without wildcards."""
        return str(self.pattern)


def restriction(fields: Fields, name: Literal, comparator: str, value: Literal, me: str) -> Node:
    """The restriction, or Unfit. `!=` is the opposite of `=`, for absent values too."""
    field = fields.by_name.get(name.text)
    if field is None:
        raise Unfit(f"{name.text[:64]!r} can't be filtered by; these can: {', '.join(fields.names)}", name.at)
    if comparator == "!=":
        return Not(_equal(field, value, me))
    if comparator == ":":
        return _has(field, value, me)
    if comparator == "=":
        return _equal(field, value, me)
    if not field.ordered:
        raise Unfit(f"{field.name} has no order: it takes =, != and :, not {comparator}", name.at)
    return Compare(field, Op(comparator), _READ[field.kind](field, value, me))


def word(fields: Fields, literal: Literal) -> Node:
    """A bare word or quoted phrase: to be found in the text. One gap inside at most, so that no text takes long."""
    pattern = literal.pattern
    if not any(pattern.parts):
        return And(())
    if sum(map(bool, pattern.parts)) > 2:  # noqa: PLR2004 - what stands before the gap and after it
        raise Unfit("a bare word takes '*' at its ends and once inside", literal.at)
    return Word(fields.words, pattern)


def _has(field: Field, value: Literal, me: str) -> Node:
    if not value.quoted and value.pattern.anything:
        return Present(field)
    match field.kind:
        case Kind.TEXTS:
            return Has(field, value.pattern)
        case Kind.TEXT:
            return Contains(field, value.pattern)
    return _equal(field, value, me)


def _equal(field: Field, value: Literal, me: str) -> Node:
    match field.kind:
        case Kind.TEXTS:
            raise Unfit(f"{field.name} has several values: write {field.name}:{value.text[:64]!r}", value.at)
        case Kind.TEXT if not value.pattern.literal:
            return Like(field, value.pattern)
        case Kind.TEXT:
            return Compare(field, Op.EQUAL, value.text)
        case Kind.ID if value.quoted and not value.raw:
            return Not(Present(field))
    if not value.quoted and value.pattern.anything:
        return Present(field)
    return Compare(field, Op.EQUAL, _READ[field.kind](field, value, me))


def _id(field: Field, value: Literal, me: str) -> str:
    if field.person and value.text == "me" and me:
        return me
    if not _UUID.fullmatch(value.text):
        raise Unfit(f"{value.text[:64]!r} is no UUID{' or me' if field.person else ''}, as {field.name} is", value.at)
    return value.text.lower()


def _integer(field: Field, value: Literal, _: str) -> int:
    if not _INTEGER.fullmatch(value.text) or abs(int(value.text)) > _MOST:
        raise Unfit(f"{value.text[:64]!r} is no whole number, as {field.name} is", value.at)
    return int(value.text)


def _enum(field: Field, value: Literal, _: str) -> int:
    if value.text not in field.values:
        raise Unfit(f"{value.text[:64]!r} is none of {field.name}'s values: {', '.join(field.values)}", value.at)
    return field.values[value.text]


def _time(field: Field, value: Literal, _: str) -> datetime:
    found = _RFC3339.fullmatch(value.text)
    if found:
        day, clock, fraction, zone = found.groups(default="")
        try:
            return datetime.fromisoformat(f"{day}T{clock}{fraction[:7]}{zone.upper()}").astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Unfit(f"{value.text[:64]!r} is no RFC 3339 time such as 2026-12-01T00:00:00Z, as {field.name} is", value.at)


_READ: Final[Mapping[Kind, Callable[[Field, Literal, str], str | int | datetime]]] = {
    Kind.ID: _id,
    Kind.INTEGER: _integer,
    Kind.ENUM: _enum,
    Kind.TIME: _time,
}
