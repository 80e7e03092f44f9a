"""Examples for the API's documentation, made from the descriptors: bodies that are taken, and answers as they look."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

from google.api import field_behavior_pb2
from google.api.field_behavior_pb2 import FieldBehavior
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from chassis.errors import ServiceError
from gatewaysvc.from_json import read
from gatewaysvc.openapi_rules import rules_of
from gatewaysvc.openapi_schemas import is_required
from gatewaysvc.to_json import to_json

# The stub names another type than extensions have.
_BEHAVIOR: Final[Any] = field_behavior_pb2.field_behavior
_ID: Final = "01934f5e-7b1c-7000-8000-000000000001"
_TYPICAL: Final[dict[str, Any]] = {
    "access_token": "eyJhbGciOiJFZERTQSJ9...",
    "create_time": "2026-11-23T10:00:00Z",
    "due_time": "2026-11-28T18:00:00Z",
    "email": "ann@example.com",
    "etag": "35b4ymhjxensikss",
    "expires_in": 900,
    "labels": ["indoors"],
    "priority": "HIGH",
    "refresh_token": "tbr_2f6c...",
    "role": "EDITOR",
    "status": "PENDING",
    "title": "Paint the kitchen walls",
    "update_time": "2026-11-23T10:00:00Z",
    "username": "ann",
    "version": "1",
}
"""What fields of these names usually hold."""
_NEEDED: Final[dict[str, Any]] = {
    "code": 5,
    "filter": "status = PENDING",
    "name": "Kitchen tablet",
    "password": "correct horse battery staple",
    "query": "vans",
    "text": "The blue one, please.",
    "token": "tbm_9d1e...",
    "url": "https://example.com/hooks/taskbell",
}
"""The same, for fields that an example names only if they must be there."""
_BY_TYPE: Final[dict[int, Any]] = {
    FieldDescriptor.CPPTYPE_STRING: "text",
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_INT32: 1,
    FieldDescriptor.CPPTYPE_INT64: "1",
    FieldDescriptor.CPPTYPE_DOUBLE: 0.5,
}
_BY_MESSAGE: Final[dict[str, Any]] = {
    "google.protobuf.Timestamp": "2026-11-23T10:00:00Z",
    "google.protobuf.Duration": "30s",
    "google.protobuf.Struct": {"file": "/srv/photos/1.jpg"},
}
_DEEPEST: Final = 2


def request(message: Descriptor, left_out: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    """A body in JSON: what must be there, and what often is."""
    fields = [known for known in message.fields if known.name not in left_out and _is_input(known)]
    values = ((known.json_name, _asked(known)) for known in fields)
    return {name: value for name, value in values if value is not None}


def answer(message: Descriptor) -> str:
    """An answer's JSON, with the defaults of what isn't in the example."""
    made: Any = GetMessageClass(message)()
    read(_answered(message, 0), made)
    return to_json(made)


def _asked(known: FieldDescriptor) -> Any:
    if (usual := _usual(known)) is not None:
        return usual
    if not is_required(known):
        return None
    one = _one(known)
    if one is None and known.message_type is not None:
        one = request(known.message_type)
        if known.containing_type is not None and "update_mask" in known.containing_type.fields_by_name:
            one["id"] = _ID  # which one is changed
    return [one] if known.is_repeated else one


def _answered(message: Descriptor, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for known in message.fields:
        value = _usual(known)
        inner = known.message_type
        if value is None and _is_id(known):
            value = _ID
        elif value is None and inner is not None and inner.file is message.file and depth < _DEEPEST:
            one = _answered(inner, depth + 1)
            value = [one] if known.is_repeated else one
        if value is not None and not _is_one_of_many(known) and not (inner and inner.GetOptions().map_entry):
            made[known.json_name] = value
    return made


def _one(known: FieldDescriptor) -> Any:
    """One value that the field takes; None if it is made of others."""
    rules = rules_of(known)
    rules = {**rules, **rules.get("items", {})}
    if "enum" in rules:
        return rules["enum"][0]
    if rules.get("format") == "uuid":
        return _ID
    if known.enum_type is not None:
        return known.enum_type.values[1].name
    if known.message_type is not None:
        return _BY_MESSAGE.get(known.message_type.full_name)
    return _NEEDED.get(known.name, _BY_TYPE.get(known.cpp_type))


def _usual(known: FieldDescriptor) -> Any:
    """What fields of this name usually hold, if this one can."""
    value = _TYPICAL.get(known.name)
    if value is None or known.containing_type is None:
        return None
    try:
        read({known.json_name: value}, GetMessageClass(known.containing_type)())
    except ServiceError:
        return None  # it is of another type
    return value


def _is_id(known: FieldDescriptor) -> bool:
    named = known.name == "id" or known.name.endswith("_id")
    return named and known.cpp_type == FieldDescriptor.CPPTYPE_STRING and not known.is_repeated


def _is_input(known: FieldDescriptor) -> bool:
    return FieldBehavior.OUTPUT_ONLY not in known.GetOptions().Extensions[_BEHAVIOR] and known.name != "etag"


def _is_one_of_many(known: FieldDescriptor) -> bool:
    """Whether another field may stand in its place; an `optional` one is alone."""
    return known.containing_oneof is not None and len(known.containing_oneof.fields) > 1
