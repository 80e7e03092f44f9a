"""How the well-known types look in JSON, both ways: times, durations, masks, wrappers, and JSON itself (`Struct`)."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json import encoder
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

MOST_NESTED: Final = 30
"""How deep JSON may nest in a field: protobuf takes 100 levels, an object is three of them."""
WRAPPERS: Final = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)

quoted: Final[Callable[[str], str]] = encoder.encode_basestring
"""A string in JSON."""

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_DURATION: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
_LONGEST: Final = 315_576_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_PATHS: Final = re.compile(r"[A-Za-z0-9_.*]+", re.ASCII)
_UPPER: Final = re.compile("[A-Z]")
_LOWER: Final = re.compile("_([a-z])")


class Refused(Exception):
    """A value that the field can't take; the text is what it can."""


# --- from JSON ---


def read_timestamp(value: Any, into: Timestamp) -> None:
    """An RFC 3339 time with any offset."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        day, clock, fraction, offset = found.groups() if found else ("", "", "", "")
        time = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'Zz' else offset}")
        seconds = (time - _EPOCH) // _SECOND
        into.seconds = seconds
        into.nanos = int((fraction or "0").ljust(9, "0"))
        _ = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        raise Refused('must be an RFC 3339 time such as "2026-11-23T10:00:00Z"') from None


def read_duration(value: Any, into: Duration) -> None:
    """Seconds with an `s`."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[2]) > _LONGEST:
        raise Refused('must be seconds with an s such as "30s" or "0.5s"')
    sign = -1 if found[1] else 1
    into.seconds = sign * int(found[2])
    into.nanos = sign * int((found[3] or "0").ljust(9, "0"))


def read_field_mask(value: Any, into: FieldMask) -> None:
    """Paths with commas between; camelCase and snake_case alike."""
    paths = [path.strip() for path in value.split(",")] if isinstance(value, str) else []
    if not isinstance(value, str) or (value and not all(map(_PATHS.fullmatch, paths))):
        raise Refused('must be field names with commas between, such as "title,dueTime"')
    if value:
        into.paths.extend(snake_case(path) for path in paths)


def read_struct(value: Any, into: Struct, depth: int = 0) -> None:
    """Any JSON object."""
    if not isinstance(value, dict):
        raise Refused("must be a JSON object")
    into.SetInParent()
    for key, each in value.items():
        if not _is_text(key):
            raise Refused("has a name that is no Unicode text")
        read_value(each, into.fields[key], depth + 1)


def read_list_value(value: Any, into: ListValue, depth: int = 0) -> None:
    """Any JSON list."""
    if not isinstance(value, list):
        raise Refused("must be a JSON list")
    into.SetInParent()
    for each in value:
        read_value(each, into.values.add(), depth + 1)


def read_value(value: Any, into: Value, depth: int = 0) -> None:
    """Any JSON."""
    if depth > MOST_NESTED:
        raise Refused(f"nests deeper than {MOST_NESTED} levels")
    if value is None:
        into.null_value = 0  # type: ignore[assignment]  # the only NullValue
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, str):
        if not _is_text(value):
            raise Refused("has a string that is no Unicode text")
        into.string_value = value
    elif isinstance(value, dict):
        read_struct(value, into.struct_value, depth)
    elif isinstance(value, list):
        read_list_value(value, into.list_value, depth)
    else:
        into.number_value = finite(value)


def finite(value: float) -> float:
    """The number as a double, which must be able to hold it."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused("has a number beyond a double's range")
    return number


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def snake_case(path: str) -> str:
    """A field path in the proto's names."""
    return _UPPER.sub(lambda upper: "_" + upper[0].lower(), path)


def camel_case(path: str) -> str:
    """A field path in JSON's names."""
    return _LOWER.sub(lambda letter: letter[1].upper(), path)


# --- to JSON ---


def write_timestamp(time: Timestamp) -> str:
    """With as many digits as it needs."""
    nanos = time.nanos
    if nanos % 1000 == 0 and nanos % 1_000_000:
        # Microseconds, as PostgreSQL has them.
        return f'"{_to_the_second(time.seconds)}.{nanos // 1000:06}Z"'
    return f'"{_to_the_second(time.seconds)}{_fraction(nanos)}Z"'


def write_duration(duration: Duration) -> str:
    """Seconds with an `s`."""
    sign = "-" if duration.seconds < 0 or duration.nanos < 0 else ""
    return f'"{sign}{abs(duration.seconds)}{_fraction(abs(duration.nanos))}s"'


def write_field_mask(mask: FieldMask) -> str:
    """Paths in camelCase with commas between."""
    return quoted(",".join(map(camel_case, mask.paths)))


def write_struct(struct: Struct) -> str:
    """A JSON object, its names in order: a Struct keeps none, and the same answer should have the same bytes."""
    fields: Mapping[str, Value] = struct.fields
    return "{" + ",".join([f"{quoted(name)}:{write_value(fields[name])}" for name in sorted(fields)]) + "}"


def write_list_value(values: ListValue) -> str:
    """A JSON list."""
    return "[" + ",".join(map(write_value, values.values)) + "]"


def write_value(value: Value) -> str:
    """Any JSON."""
    kind = value.WhichOneof("kind")
    return "null" if kind is None else _VALUE_WRITERS[kind](getattr(value, kind))


def _write_number(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)


_VALUE_WRITERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "null_value": lambda _: "null",
    "bool_value": lambda value: "true" if value else "false",
    "string_value": quoted,
    "number_value": _write_number,
    "struct_value": write_struct,
    "list_value": write_list_value,
}


@lru_cache(4096)
def _to_the_second(seconds: int) -> str:
    # Pages of tasks share most of their times, and isoformat is the dearest part of a task's JSON.
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def _fraction(nanos: int) -> str:
    if not nanos:
        return ""
    digits = f"{nanos:09}"
    if digits.endswith("000000"):
        return "." + digits[:3]
    return "." + (digits[:6] if digits.endswith("000") else digits)
