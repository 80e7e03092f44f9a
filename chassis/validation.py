"""The rules that stand in the .proto files, and what a caller who broke one is told: field, value, what is allowed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from protovalidate import Validator, Violation

from chassis.errors import FieldViolation, InvalidField, shortened

_VALIDATOR: Final = Validator()
_MOST_SHOWN = 60
_SMALL: Final = 16 * 1024
"""Bytes of a message of which all violations are looked for: in a large one they may be millions, and take minutes."""


def validate(message: Message) -> None:
    """Raises InvalidField, which names every field that breaks a rule, each once; of a large message, the first."""
    if violations := _violations(message):
        by_field: dict[str, FieldViolation] = {}
        for violation in violations:
            told = _told(violation, message)
            by_field.setdefault(told.field, told)
        raise InvalidField.listing(list(by_field.values()))
    # Lengths and numbers have zero bytes too: they only raise the suspicion, which most requests don't.
    if b"\0" in message.SerializeToString() and (places := dict.fromkeys(_zeros(message, ""))):
        raise InvalidField.listing([FieldViolation(place, "must not contain the character U+0000") for place in places])


def _violations(message: Message) -> Sequence[Violation]:
    first = _VALIDATOR.collect_violations(message, fail_fast=True)
    # What there is too much of is not looked at piece by piece.
    if not first or first[0].proto.rule_id == "repeated.max_items" or message.ByteSize() > _SMALL:
        return first
    return _VALIDATOR.collect_violations(message)


def _zeros(value: object, place: str) -> Iterator[str]:
    """Where texts have U+0000, which no column of PostgreSQL holds."""
    match value:
        case str():
            if "\0" in value:
                yield place
        case Message() if value.DESCRIPTOR.full_name.startswith("google.protobuf."):
            # JSON inside of a message is one field, however deep the text stands in it.
            yield from (place for _, inner in value.ListFields() for _ in _zeros(inner, ""))
        case Message():
            for field, inner in value.ListFields():
                yield from _zeros(inner, f"{place}.{field.name}" if place else field.name)
        case Mapping():
            for key, each in value.items():
                yield from _zeros(key, place)
                yield from _zeros(each, place)
        case Sequence() if not isinstance(value, bytes):
            for i, each in enumerate(value):
                yield from _zeros(each, f"{place}[{i}]")


def _told(violation: Violation, message: Message) -> FieldViolation:
    proto = violation.proto
    path: list[str] = []
    field: FieldDescriptor | None = None
    within: Descriptor | None = cast("Descriptor", message.DESCRIPTOR)
    for element in proto.field.elements if proto.field else ():
        subscript = element.subscript
        path.append(element.field_name + (f"[{subscript.value!r}]" if subscript else ""))
        field = within.fields_by_number.get(element.field_number) if within else None
        within = field.message_type if field else None
    allowed = proto.message.removeprefix("value ")
    if proto.rule_id in ("enum.defined_only", "enum.not_in") and field is not None and field.enum_type is not None:
        allowed = f"must be one of {', '.join(value.name for value in field.enum_type.values if value.number)}"
    return FieldViolation(".".join(path), f"{_shown(violation.field_value, field)} {allowed}".strip())


def _shown(value: Any, field: FieldDescriptor | None) -> str:
    """The value as far as it helps; nothing of a secret."""
    if field is not None and field.GetOptions().debug_redact:
        return "(hidden)"
    if isinstance(value, str) and len(value) > _MOST_SHOWN:
        return f"{shortened(value, _MOST_SHOWN)!r} ({len(value)} characters)"
    if isinstance(value, str | int | float):
        return repr(value)
    return ""
