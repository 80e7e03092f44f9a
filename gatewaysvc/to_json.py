"""Messages as proto3 JSON, lowerCamelCase.

Shapes are stable: a field without presence is always there (`"labels":[]`, `"nextPageToken":""`), one with presence (a
message, a time) only when it is set. `json_format` says the same in several times the time: it finds out for each
message anew what a descriptor says once. Here each descriptor becomes a plan when it is first met: how an empty message
looks, and how to write each of the fields that a message has, which most don't.
"""

import math
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from struct import pack, unpack
from typing import Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gatewaysvc import well_known
from gatewaysvc.well_known import WRAPPERS, quoted

Writer = Callable[[Any], str]


def to_json(message: Message) -> str:
    """The message's JSON."""
    return _message_writer(message.DESCRIPTOR)(message)


def write_field(field: FieldDescriptor, message: Message) -> str:
    """One field's JSON, for answers that are only this field."""
    return _writer(field)(getattr(message, field.name))


@cache
def _message_writer(descriptor: Descriptor) -> Writer:
    special = _SPECIAL.get(descriptor.full_name)
    if special is not None:
        return special
    if descriptor.full_name in WRAPPERS:
        inner = _writer(descriptor.fields_by_name["value"])
        return lambda wrapper: inner(wrapper.value)
    unset: list[str] = []
    plan: dict[FieldDescriptor, tuple[int, str, Writer]] = {}

    def write(message: Message) -> str:
        if not plan:
            # Not before: a message may hold itself.
            plan.update((field, (place, _key(field), _writer(field))) for place, field in enumerate(descriptor.fields))
            unset.extend(map(_default, descriptor.fields))
        members = unset.copy()
        for field, value in message.ListFields():
            place, key, writer = plan[field]
            members[place] = key + writer(value)
        return "{" + "".join(members)[1:] + "}"

    return write


def _key(field: FieldDescriptor) -> str:
    return f",{quoted(field.json_name)}:"


def _default(field: FieldDescriptor) -> str:
    """How a field looks that isn't set: not at all, if it can tell whether it is."""
    if field.has_presence:
        return ""
    if field.is_repeated:
        return _key(field) + ("{}" if _is_map(field) else "[]")
    return _key(field) + _writer(field)(field.default_value)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _writer(field: FieldDescriptor) -> Writer:
    """Writes the field's value, all of it."""
    one = _one_writer(field)
    if not field.is_repeated or _is_map(field):
        return one
    # A slice is a plain list, which is quicker to go through.
    return lambda values: "[" + ",".join([one(value) for value in values[:]]) + "]"


def _one_writer(field: FieldDescriptor) -> Writer:
    if field.message_type is not None and _is_map(field):
        return _map_writer(field.message_type)
    if field.message_type is not None:
        return _message_writer(field.message_type)
    if field.enum_type is not None:
        return _enum_writer(field.enum_type)
    return _SCALARS[field.cpp_type] if field.type != FieldDescriptor.TYPE_BYTES else _write_bytes


def _map_writer(entry: Descriptor) -> Writer:
    key_writer, value_writer = _writer(entry.fields_by_name["key"]), _writer(entry.fields_by_name["value"])

    def write(values: Mapping[Any, Any]) -> str:
        pairs = [(_text(key_writer(key)), value_writer(values[key])) for key in sorted(values)]
        return "{" + ",".join([f"{key}:{value}" for key, value in pairs]) + "}"

    return write


def _text(text: str) -> str:
    # A key is a string, whatever its type.
    return text if text.startswith('"') else quoted(text)


def _enum_writer(descriptor: EnumDescriptor) -> Writer:
    if descriptor.full_name == "google.protobuf.NullValue":
        return lambda _: "null"
    names = {number: quoted(value.name) for number, value in descriptor.values_by_number.items()}
    return lambda number: names.get(number) or str(number)


def _write_double(number: float) -> str:
    return repr(number) if math.isfinite(number) else _not_finite(number)


def _write_float(number: float) -> str:
    if not math.isfinite(number):
        return _not_finite(number)
    # Six digits are enough for most 32-bit numbers, and nine tell any from its neighbours.
    for digits in (6, 7, 8, 9):
        shortest = float(f"{number:.{digits}g}")
        if unpack("f", pack("f", shortest))[0] == number:
            break
    return repr(shortest)


def _not_finite(number: float) -> str:
    return '"NaN"' if math.isnan(number) else '"Infinity"' if number > 0 else '"-Infinity"'


def _write_long(number: int) -> str:
    # JavaScript's numbers end at 2**53.
    return f'"{number}"'


def _write_bool(value: bool) -> str:
    return "true" if value else "false"


def _write_bytes(value: bytes) -> str:
    return f'"{b64encode(value).decode()}"'


def _write_any(message: Any) -> str:
    url: str = message.type_url
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(url.rpartition("/")[2])
    except KeyError:
        # A peer's detail that this program has no type for: what is left to tell are its bytes.
        return f'{{"@type":{quoted(url)},"value":{_write_bytes(message.value)}}}'
    text = to_json(GetMessageClass(descriptor).FromString(message.value))
    if descriptor.full_name in _SPECIAL or descriptor.full_name in WRAPPERS:
        return f'{{"@type":{quoted(url)},"value":{text}}}'
    return f'{{"@type":{quoted(url)}{"," if len(text) > len("{}") else ""}{text[1:]}'


_SCALARS: Final[Mapping[int, Writer]] = {
    FieldDescriptor.CPPTYPE_STRING: quoted,
    FieldDescriptor.CPPTYPE_INT32: str,
    FieldDescriptor.CPPTYPE_UINT32: str,
    FieldDescriptor.CPPTYPE_INT64: _write_long,
    FieldDescriptor.CPPTYPE_UINT64: _write_long,
    FieldDescriptor.CPPTYPE_BOOL: _write_bool,
    FieldDescriptor.CPPTYPE_DOUBLE: _write_double,
    FieldDescriptor.CPPTYPE_FLOAT: _write_float,
}
_SPECIAL: Final[Mapping[str, Writer]] = {
    "google.protobuf.Timestamp": well_known.write_timestamp,
    "google.protobuf.Duration": well_known.write_duration,
    "google.protobuf.FieldMask": well_known.write_field_mask,
    "google.protobuf.Struct": well_known.write_struct,
    "google.protobuf.Value": well_known.write_value,
    "google.protobuf.ListValue": well_known.write_list_value,
    "google.protobuf.Any": _write_any,
}
