"""Messages as JSON Schema: their shapes, and the rules that the protos state for their fields."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.api.field_behavior_pb2 import FieldBehavior
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gatewaysvc.well_known import WRAPPERS

Json = dict[str, Any]

# The stubs name other types than extensions have.
_RULES: Final[Any] = validate_pb2.DESCRIPTOR.extensions_by_name["field"]
_BEHAVIOR: Final[Any] = field_behavior_pb2.field_behavior

_WELL_KNOWN: Final[dict[str, Json]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d+)?s$"},
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
}
_OBJECTS: Final = frozenset(f"google.protobuf.{name}" for name in ("Struct", "Value", "ListValue", "Empty", "Any"))
_SCALARS: Final[dict[int, Json]] = {
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
}


class Schemas:
    """The schemas of a document, each message once."""

    def __init__(self) -> None:
        self.components: dict[str, Json] = {}

    def of(self, message: Descriptor) -> Json:
        """A message's schema; one of ours is referred to."""
        if message.full_name in _WELL_KNOWN:
            return _WELL_KNOWN[message.full_name]
        if message.full_name in WRAPPERS:
            return self.of_field(message.fields_by_name["value"])
        name = message.full_name.removeprefix(f"{message.file.package}.")
        if name not in self.components:
            self.components[name] = {}  # a message may hold itself
            self.components[name].update(self.without(message, frozenset()))
        return {"$ref": f"#/components/schemas/{name}"}

    def without(self, message: Descriptor, left_out: AbstractSet[str]) -> Json:
        """A message's schema without some of its fields."""
        fields = [known for known in message.fields if known.name not in left_out]
        schema: Json = {
            "type": "object",
            "properties": {known.json_name: self.of_field(known) for known in fields},
            "additionalProperties": False,
        }
        if required := [known.json_name for known in fields if is_required(known)]:
            schema["required"] = required
        return schema

    def of_field(self, known: FieldDescriptor) -> Json:
        """A field's schema, with its rules."""
        rules = known.GetOptions().Extensions[_RULES]
        if known.message_type is not None and known.message_type.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._one(known.message_type.fields_by_name["value"])}
        one = self._one(known)
        if known.is_repeated:
            schema: Json = {"type": "array", "items": {**one, **_string_rules(rules.repeated.items.string)}}
            schema |= _rules(rules.repeated, min_items="minItems", max_items="maxItems", unique="uniqueItems")
        else:
            schema = {**one, **_string_rules(rules.string), **_rules(rules.int32, gte="minimum", lte="maximum")}
        if FieldBehavior.OUTPUT_ONLY in known.GetOptions().Extensions[_BEHAVIOR]:
            schema["readOnly"] = True
        return schema

    def is_object(self, known: FieldDescriptor) -> bool:
        """Whether it has fields of its own, in JSON."""
        message = known.message_type
        if message is None or message.full_name in WRAPPERS:
            return False
        return message.full_name not in _WELL_KNOWN or message.full_name in _OBJECTS

    def _one(self, known: FieldDescriptor) -> Json:
        if known.message_type is not None:
            return self.of(known.message_type)
        if known.enum_type is not None:
            return {"type": "string", "enum": [value.name for value in known.enum_type.values]}
        if known.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return _SCALARS[known.cpp_type]


def is_required(known: FieldDescriptor) -> bool:
    """Whether a request must have it."""
    return FieldBehavior.REQUIRED in known.GetOptions().Extensions[_BEHAVIOR]


def _string_rules(rules: Any) -> Json:
    schema = _rules(rules, min_len="minLength", max_len="maxLength")
    if rules.uuid:
        schema["format"] = "uuid"
    if rules.email:
        schema["format"] = "email"
    if allowed := list(getattr(rules, "in")):
        schema["enum"] = allowed
    return schema


def _rules(rules: Any, **names: str) -> Json:
    return {name: getattr(rules, rule) for rule, name in names.items() if rules.HasField(rule)}
