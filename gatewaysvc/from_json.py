"""JSON into messages, strictly: every field that isn't known, and every value that doesn't fit, is named.

The rules are proto3 JSON's: both spellings of a name, enums by name or number, numbers as text too, null as absence.
"""

import binascii
import math
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import cache
from json import JSONDecodeError, JSONDecoder, dumps
from struct import pack
from typing import Any, Final, NoReturn

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.errors import FieldViolation, InvalidField, MalformedJson, UnknownField, shortened
from gatewaysvc import well_known
from gatewaysvc.well_known import WRAPPERS, Refused

Reader = Callable[[Any], Any]
"""A JSON value as the field's Python value; raises Refused."""

_MOST_TOLD: Final = 3
_LONGEST_TOLD: Final = 80
"""Characters of a name, or a value, in an error."""
_MOST_NOTED: Final = 100
"""More than an answer has room for. A body of millions of wrong things must not keep everybody waiting."""
_INTEGER: Final = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_BASE64: Final = str.maketrans("-_", "+/")


def parse(body: bytes) -> Any:
    """The body's JSON. Raises MalformedJson with the position."""
    try:
        return _DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        raise MalformedJson(
            f"The body is not UTF-8: byte {error.start}.", metadata={"position": str(error.start)}
        ) from error
    except JSONDecodeError as error:
        raise MalformedJson(
            f"The body is no JSON: {error.msg[0].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}.",
            metadata={"position": str(error.pos), "line": str(error.lineno), "column": str(error.colno)},
        ) from error
    except RecursionError as error:
        raise MalformedJson("The body nests too deep.") from error
    except _NoJson as error:
        raise MalformedJson(f"The body is no JSON: {error}.") from error
    except ValueError as error:
        raise MalformedJson("The body has a number with too many digits.") from error


def read(value: Any, message: Message, place: str = "") -> None:
    """Fills the message from JSON. Raises UnknownField or InvalidField, which tell everything that is wrong."""
    problems = Problems()
    _read_message(value, message, place, problems)
    problems.raise_if_any()


@dataclass(slots=True)
class Problems:
    """What is wrong with a request, gathered so that one answer tells all of it."""

    unknown: list[FieldViolation] = field(default_factory=list)
    invalid: list[FieldViolation] = field(default_factory=list)

    def add_unknown(self, place: str, known: Descriptor | None, *, hint: str = "") -> None:
        """A name that isn't there."""
        name = place.rpartition(".")[2]
        near = get_close_matches(name, [each.json_name for each in known.fields], n=1) if known else []
        self.unknown.append(
            FieldViolation(place, hint or (f"is not known; do you mean {near[0]}?" if near else "is not known"))
        )
        self._raise_if_many(self.unknown)

    def add_invalid(self, place: str, value: Any, allowed: str, known: FieldDescriptor | None = None) -> None:
        """A value that can't be taken; a secret isn't repeated."""
        hidden = known is not None and known.GetOptions().debug_redact
        self.invalid.append(FieldViolation(place or "body", f"{'(hidden)' if hidden else shown(value)} {allowed}"))
        self._raise_if_many(self.invalid)

    def raise_if_any(self) -> None:
        """Raises the error that tells them all."""
        if self.unknown:
            raise UnknownField(_listed(self.unknown, " "), violations=self.unknown)
        if self.invalid:
            raise InvalidField(_listed(self.invalid, ": "), violations=self.invalid)

    def _raise_if_many(self, noted: list[FieldViolation]) -> None:
        if len(noted) == _MOST_NOTED:
            self.raise_if_any()


def _listed(violations: list[FieldViolation], between: str) -> str:
    # The text has JSON's names, which the caller wrote; the violations have the proto's, as over gRPC.
    told = [well_known.camel_case(each.field) + between + each.description for each in violations[:_MOST_TOLD]]
    return "; ".join(told) + (f"; and {len(violations) - _MOST_TOLD} more" if len(violations) > _MOST_TOLD else "")


def shown(value: Any) -> str:
    """A value in an error's text: JSON, shortened."""
    return unicode(shortened(dumps(value, ensure_ascii=False), _LONGEST_TOLD))


def told_name(name: str) -> str:
    """A name of the caller's making in an error's text."""
    return unicode(shortened(name, _LONGEST_TOLD))


def unicode(text: str) -> str:
    """The text as UTF-8 can carry it: JSON may have halves of surrogate pairs."""
    return text.encode(errors="replace").decode()


def read_field(into: Message, known: FieldDescriptor, value: Any, place: str, problems: Problems) -> None:
    """Sets one field from JSON; null leaves it alone."""
    if value is None and not takes_null(known):
        return
    if known.is_repeated:
        _read_repeated(into, known, value, place, problems)
    elif known.message_type is not None:
        inner: Message = getattr(into, known.name)
        inner.SetInParent()
        _read_message(value, inner, place, problems)
    else:
        try:
            setattr(into, known.name, reader(known)(value))
        except (Refused, ValueError) as error:
            problems.add_invalid(place, value, str(error), known)


def is_object(known: FieldDescriptor) -> bool:
    """Whether the field is a message with fields of its own in JSON."""
    kind = known.message_type
    if kind is None or known.is_repeated:
        return False
    return kind.full_name not in _SPECIAL and kind.full_name not in WRAPPERS


@cache
def takes_null(known: FieldDescriptor) -> bool:
    """Whether null is one of the field's values, not its absence."""
    kind = known.message_type or known.enum_type
    return kind is not None and kind.full_name in ("google.protobuf.Value", "google.protobuf.NullValue")


@cache
def names(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    """A message's fields under both spellings."""
    return {name: each for each in descriptor.fields for name in (each.name, each.json_name)}


def _read_message(value: Any, message: Message, place: str, problems: Problems) -> None:
    special = _SPECIAL.get(message.DESCRIPTOR.full_name)
    if special is None and message.DESCRIPTOR.full_name in WRAPPERS:
        read_field(message, names(message.DESCRIPTOR)["value"], value, place, problems)
    elif special is not None:
        try:
            special(value, message)
        except Refused as error:
            problems.add_invalid(place, value, str(error))
    elif not isinstance(value, dict):
        problems.add_invalid(place, value, "must be a JSON object")
    else:
        read_fields(value, message, place, problems)


def read_fields(value: Mapping[str, Any], message: Message, place: str, problems: Problems) -> None:
    """Sets the fields that a JSON object names."""
    descriptor: Any = message.DESCRIPTOR
    known = names(descriptor)
    seen: set[str] = set()
    for name, each in value.items():
        found = known.get(name)
        if found is None:
            problems.add_unknown(_inside(place, told_name(name)), descriptor)
            continue
        there = _inside(place, found.name)
        if found.name in seen:
            problems.add_invalid(there, each, "is given twice, in both spellings")
        seen.add(found.name)
        oneof = found.containing_oneof
        there_is = each is not None or takes_null(found)
        if oneof is not None and there_is and (other := message.WhichOneof(oneof.name)):
            problems.add_invalid(there, each, f"can't be given together with {other}")
        else:
            read_field(message, found, each, there, problems)


def _read_repeated(into: Message, known: FieldDescriptor, value: Any, place: str, problems: Problems) -> None:
    values = getattr(into, known.name)
    if known.message_type is not None and known.message_type.GetOptions().map_entry:
        _read_map(values, known.message_type, value, place, problems)
    elif not isinstance(value, list):
        problems.add_invalid(place, value, "must be a JSON list")
    elif known.message_type is not None:
        nullable = known.message_type.full_name == "google.protobuf.Value"
        for i, each in enumerate(value):
            if each is None and not nullable:
                problems.add_invalid(f"{place}[{i}]", each, "must be a JSON object")
            else:
                _read_message(each, values.add(), f"{place}[{i}]", problems)
    else:
        read_one = reader(known)
        for i, each in enumerate(value):
            try:
                values.append(read_one(each))
            except (Refused, ValueError) as error:
                problems.add_invalid(f"{place}[{i}]", each, str(error))


def _read_map(values: Any, entry: Descriptor, value: Any, place: str, problems: Problems) -> None:
    if not isinstance(value, dict):
        problems.add_invalid(place, value, "must be a JSON object")
        return
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for name, each in value.items():
        there = f"{place}[{shown(name)}]"
        try:
            # A key is always text in JSON.
            key = from_text(key_field, name)
            if value_field.message_type is not None:
                _read_message(each, values[key], there, problems)
            else:
                values[key] = reader(value_field)(each)
        except (Refused, ValueError) as error:
            problems.add_invalid(there, each, str(error))


def from_text(known: FieldDescriptor, text: str) -> Any:
    """A scalar from a path, a query or a map's key. Raises Refused."""
    if known.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text not in _BOOLS:
            raise Refused("must be true or false")
        return _BOOLS[text]
    if known.enum_type is not None and _INTEGER.fullmatch(text):
        return reader(known)(int(text[:20]))
    return reader(known)(text)


@cache
def reader(known: FieldDescriptor) -> Reader:
    """Reads one scalar of a field."""
    if known.enum_type is not None:
        return _enum_reader(known.enum_type)
    if known.type == FieldDescriptor.TYPE_BYTES:
        return _read_bytes
    return _SCALARS[known.cpp_type]


def _enum_reader(descriptor: EnumDescriptor) -> Reader:
    numbers = {value.name: value.number for value in descriptor.values}
    allowed = "must be one of " + ", ".join(name for name, number in numbers.items() if number)
    integer = _integer_reader(-(2**31), 2**31 - 1)
    if descriptor.full_name == "google.protobuf.NullValue":
        return _read_null

    def read_enum(value: Any) -> int:
        try:
            return numbers[value] if isinstance(value, str) else int(integer(value))
        except (KeyError, Refused):
            raise Refused(allowed) from None

    return read_enum


def _read_null(value: Any) -> int:
    if value not in (None, "NULL_VALUE"):
        raise Refused("must be null")
    return 0


def _read_string(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused("must be a string")
    if unicode(value) != value:
        raise Refused("must be Unicode text; it has a half of a surrogate pair")
    return value


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused("must be true or false")
    return value


def _integer_reader(least: int, most: int) -> Reader:
    allowed = f"must be a whole number from {least} to {most}"

    def read_integer(value: Any) -> int:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            try:
                value = Decimal(value)
            except InvalidOperation:
                raise Refused(allowed) from None  # its exponent has twenty digits
        if not isinstance(value, int | float | Decimal) or isinstance(value, bool) or not least <= value <= most:
            raise Refused(allowed)
        whole = int(value)
        if whole != value:
            raise Refused(allowed)
        return whole

    return read_integer


def _read_double(value: Any) -> float:
    if isinstance(value, str):
        if value in _NOT_FINITE:
            return _NOT_FINITE[value]
        value = float(value) if _NUMBER.fullmatch(value) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Refused("must be a number")
    return well_known.finite(value)


def _read_float(value: Any) -> float:
    number = _read_double(value)
    try:
        pack("<f", number)
    except OverflowError:
        raise Refused("is beyond the range of a 32-bit number") from None
    return number


def _read_bytes(value: Any) -> bytes:
    try:
        text = _read_string(value).translate(_BASE64)
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (Refused, ValueError, binascii.Error):
        raise Refused("must be base64") from None


def _read_any(value: Any, message: Message) -> None:
    try:
        json_format.ParseDict(value, message)
    except (json_format.ParseError, TypeError, AttributeError):
        raise Refused('must be a JSON object with "@type" and that type\'s fields') from None


def _read_empty(value: Any, _: Message) -> None:
    if value != {}:
        raise Refused("must be {}")


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


class _NoJson(Exception):
    """What Python's decoder would let through."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    if len(known) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _NoJson(f"an object has the name {shown(twice)} twice")
    return known


def _constant(name: str) -> NoReturn:
    raise _NoJson(f"{name} is no JSON number")


_DECODER: Final = JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
_BOOLS: Final = {"true": True, "false": False, "1": True, "0": False}
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SCALARS: Final[Mapping[int, Reader]] = {
    FieldDescriptor.CPPTYPE_STRING: _read_string,
    FieldDescriptor.CPPTYPE_INT32: _integer_reader(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: _integer_reader(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: _integer_reader(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: _integer_reader(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_BOOL: _read_bool,
    FieldDescriptor.CPPTYPE_DOUBLE: _read_double,
    FieldDescriptor.CPPTYPE_FLOAT: _read_float,
}
_SPECIAL: Final[Mapping[str, Callable[[Any, Any], None]]] = {
    "google.protobuf.Timestamp": well_known.read_timestamp,
    "google.protobuf.Duration": well_known.read_duration,
    "google.protobuf.FieldMask": well_known.read_field_mask,
    "google.protobuf.Struct": well_known.read_struct,
    "google.protobuf.Value": well_known.read_value,
    "google.protobuf.ListValue": well_known.read_list_value,
    "google.protobuf.Any": _read_any,
    "google.protobuf.Empty": _read_empty,
}
