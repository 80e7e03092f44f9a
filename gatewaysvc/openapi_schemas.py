"""Messages as JSON Schema: their shapes, their comments, and the rules that the protos state for their fields."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

from google.api import field_behavior_pb2
from google.api.field_behavior_pb2 import FieldBehavior
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gatewaysvc.descriptions import described
from gatewaysvc.openapi_rules import Json, demanded, rules_of, told
from gatewaysvc.well_known import WRAPPERS

# The stub names another type than extensions have.
_BEHAVIOR: Final[Any] = field_behavior_pb2.field_behavior

_WELL_KNOWN: Final[dict[str, Json]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object", "additionalProperties": False},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
    "google.api.HttpBody": {"type": "string", "contentEncoding": "binary"},
}
_OBJECTS: Final = frozenset(f"google.protobuf.{name}" for name in ("Struct", "Value", "ListValue", "Empty", "Any"))
_SCALARS: Final[dict[int, Json]] = {
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64", "pattern": r"^-?\d{1,19}$"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64", "pattern": r"^\d{1,20}$"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
}


class Schemas:
    """The schemas of a document, each message once, and once more as what a PATCH may say of it."""

    def __init__(self) -> None:
        self.components: dict[str, Json] = {}
        self._named: dict[str, Descriptor] = {}

    def of(self, message: Descriptor, *, changes: bool = False) -> Json:
        """A message's schema; one of ours is referred to. `changes`: nothing in it must be there."""
        if message.full_name in _WELL_KNOWN:
            return _WELL_KNOWN[message.full_name]
        if message.full_name in WRAPPERS:
            return self.of_field(message.fields_by_name["value"])
        name = self._name(message) + ("Changes" if changes else "")
        if name not in self.components:
            self.components[name] = {}  # a message may hold itself
            self.components[name].update(self.without(message, frozenset()))
            if changes:
                self.components[name].pop("required", None)
        return {"$ref": f"#/components/schemas/{name}"}

    def without(self, message: Descriptor, left_out: AbstractSet[str]) -> Json:
        """A message's schema without some of its fields."""
        fields = [known for known in message.fields if known.name not in left_out]
        schema: Json = {
            "type": "object",
            "properties": {known.json_name: self.of_field(known) for known in fields},
            "additionalProperties": False,
        }
        if text := described(message.full_name):
            schema["description"] = text
        if required := [known.json_name for known in fields if is_required(known)]:
            schema["required"] = required
        return schema

    def of_field(self, known: FieldDescriptor, *, changes: bool = False) -> Json:
        """A field's schema, with its rules and what is said of it."""
        rules = rules_of(known)
        if known.message_type is not None and known.message_type.GetOptions().map_entry:
            values = self._one(known.message_type.fields_by_name["value"])
            schema: Json = {"type": "object", "additionalProperties": values, **rules}
        elif known.is_repeated:
            schema = {"type": "array", **rules, "items": {**self._one(known), **rules.get("items", {})}}
        else:
            schema = {**self._one(known, changes=changes), **rules}
        if FieldBehavior.OUTPUT_ONLY in known.GetOptions().Extensions[_BEHAVIOR]:
            schema["readOnly"] = True
        if known.name.endswith("password"):
            schema["format"] = "password"
        if text := " ".join(filter(None, (described(known.full_name), told(known), _values(known)))):
            schema["description"] = text
        return schema

    def is_object(self, known: FieldDescriptor) -> bool:
        """Whether it has fields of its own, in JSON."""
        message = known.message_type
        if message is None or message.full_name in WRAPPERS:
            return False
        return message.full_name not in _WELL_KNOWN or message.full_name in _OBJECTS

    def _name(self, message: Descriptor) -> str:
        """Without the package, unless another message was called so before."""
        short = message.full_name.removeprefix(f"{message.file.package}.")
        return short if self._named.setdefault(short, message) is message else message.full_name

    def _one(self, known: FieldDescriptor, *, changes: bool = False) -> Json:
        if known.message_type is not None:
            return self.of(known.message_type, changes=changes)
        if known.enum_type is not None:
            return {"type": "string", "enum": [value.name for value in known.enum_type.values]}
        if known.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return _SCALARS[known.cpp_type]


def is_required(known: FieldDescriptor) -> bool:
    """Whether a request must have it."""
    return FieldBehavior.REQUIRED in known.GetOptions().Extensions[_BEHAVIOR] or demanded(known)


def _values(known: FieldDescriptor) -> str:
    """What the names of an enum mean."""
    kind: EnumDescriptor | None = known.enum_type
    if kind is None:
        return ""
    meanings = [(value.name, described(f"{kind.full_name}.{value.name}")) for value in kind.values if value.number]
    return " ".join(f"`{name}`: {meaning}" for name, meaning in meanings if meaning)
