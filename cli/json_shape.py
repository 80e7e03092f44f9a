"""A message as proto3 JSON would have it, in plain dicts: the same keys and values as the REST API prints.

betterproto2 has a JSON of its own, which gets field masks and durations wrong and leaves empty fields out.
"""

import base64
import dataclasses
import datetime as dt
import math
from typing import Any, Final

import betterproto2

from cli.sdk import google

_BIG: Final = {*betterproto2.INT_64_TYPES}
_REAL: Final = {betterproto2.TYPE_DOUBLE, betterproto2.TYPE_FLOAT}


def to_plain(message: betterproto2.Message) -> Any:
    """Fields that were not set are there with their zero values, except those that can be absent."""
    match message:
        case google.Struct():
            return {key: to_plain(value) for key, value in message.fields.items()}
        case google.ListValue():
            return [to_plain(value) for value in message.values]
        case google.Value():
            return _any_json(message)
        case google.FieldMask():
            return ",".join(".".join(camel_case(name) for name in path.split(".")) for path in message.paths)
    plain = {}
    for field in dataclasses.fields(message):  # type: ignore[arg-type]  # each generated class is a dataclass
        about = betterproto2.FieldMetadata.get(field)
        value = getattr(message, field.name)
        if value is None:
            continue
        if about.map_meta:
            kind = about.map_meta[1].proto_type
            shown: Any = {_key(key): _value(each, kind) for key, each in value.items()}
        elif about.repeated:
            shown = [_value(each, about.proto_type) for each in value]
        else:
            shown = _value(value, about.proto_type)
        plain[camel_case(field.name)] = shown
    return plain


def camel_case(name: str) -> str:
    """A field's name in JSON."""
    first, *rest = name.rstrip("_").split("_")  # a trailing one keeps the name apart from a keyword of Python's
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def rfc3339(time: dt.datetime) -> str:
    """A time in UTC, with as many digits after the second as it needs: none, three or six."""
    utc = time.astimezone(dt.UTC).replace(tzinfo=None)
    milliseconds, rest = divmod(utc.microsecond, 1000)
    precision = "microseconds" if rest else "milliseconds" if milliseconds else "seconds"
    return utc.isoformat(timespec=precision) + "Z"


def _value(value: Any, kind: str) -> Any:  # noqa: PLR0911 - a kind each
    if isinstance(value, betterproto2.Message):
        return to_plain(value)
    if isinstance(value, dt.datetime):
        return rfc3339(value)
    if isinstance(value, dt.timedelta):
        return _seconds(value)
    if isinstance(value, betterproto2.Enum):
        # One that this program doesn't know yet has a number only.
        return (value.proto_name or value.name) if value.name else value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if kind in _BIG:
        return str(value)
    return _real(value) if kind in _REAL else value


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _real(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _seconds(length: dt.timedelta) -> str:
    sign, length = ("-", -length) if length < dt.timedelta() else ("", length)
    whole, micro = length.days * 86_400 + length.seconds, length.microseconds
    fraction = f".{micro:06d}" if micro % 1000 else f".{micro // 1000:03d}" if micro else ""
    return f"{sign}{whole}{fraction}s"


def _any_json(value: "google.Value") -> Any:
    if value.struct_value is not None:
        return to_plain(value.struct_value)
    if value.list_value is not None:
        return to_plain(value.list_value)
    if value.number_value is not None:
        number = float(value.number_value)
        return int(number) if math.isfinite(number) and number.is_integer() else _real(number)
    if value.string_value is not None:
        return value.string_value
    return value.bool_value
