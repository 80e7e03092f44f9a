"""The validation rules of the protos as JSON Schema: what it has no word for, the field's description tells."""

from collections.abc import Iterator
from typing import Any, Final

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor

Json = dict[str, Any]

# The stub names another type than extensions have.
_RULES: Final[Any] = validate_pb2.DESCRIPTOR.extensions_by_name["field"]
_IF_ZERO: Final = validate_pb2.DESCRIPTOR.enum_types_by_name["Ignore"].values_by_name["IGNORE_IF_ZERO_VALUE"].number
_LONG: Final = ("int64", "uint64", "sint64", "fixed64", "sfixed64")
_NUMBERS: Final = ("int32", "uint32", "sint32", "fixed32", "sfixed32", "float", "double")
_FORMATS: Final = {
    "uuid": "uuid",
    "email": "email",
    "hostname": "hostname",
    "uri": "uri",
    "ipv4": "ipv4",
    "ipv6": "ipv6",
}
_NOT_OF_NOTHING: Final = ("minLength", "minItems", "minimum", "pattern", "enum", "format")
"""What may speak against an empty value."""


def rules_of(known: FieldDescriptor) -> Json:
    """The rules of a field, as keywords beside its type."""
    rules = known.GetOptions().Extensions[_RULES]
    schema = _keywords(rules)
    strict: Json = {name: schema.pop(name) for name in _NOT_OF_NOTHING if name in schema}
    if rules.ignore != _IF_ZERO or not strict:
        return {**schema, **strict}
    nothing: Json = {"maxItems": 0} if known.is_repeated else {"const": known.default_value}
    return {**schema, "anyOf": [strict, nothing]}


def demanded(known: FieldDescriptor) -> bool:
    """Whether the rules ask for a value: by saying so, or by what they say of an empty one."""
    rules = known.GetOptions().Extensions[_RULES]
    if rules.required:
        return True
    schema = rules_of(known)
    some = bool(schema.get("minLength") or schema.get("minItems") or "format" in schema or "enum" in schema)
    return some and not known.has_presence


def told(known: FieldDescriptor) -> str:
    """The rules that are sentences: those of durations and long numbers, and expressions with their own words."""
    rules = known.GetOptions().Extensions[_RULES]
    return " ".join(f"{sentence}." for each in (rules, rules.repeated.items) for sentence in _sentences(each))


def _keywords(rules: Any) -> Json:
    kind = rules.WhichOneof("type")
    if kind == "string":
        return _string(rules.string)
    if kind == "repeated":
        schema = _named(rules.repeated, min_items="minItems", max_items="maxItems", unique="uniqueItems")
        return {**schema, "items": _keywords(rules.repeated.items)}
    if kind == "map":
        return _named(rules.map, min_pairs="minProperties", max_pairs="maxProperties")
    if kind in _NUMBERS:
        words = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
        return _named(getattr(rules, kind), **words)
    return {}


def _string(rules: Any) -> Json:
    schema = _named(rules, min_len="minLength", max_len="maxLength", max_bytes="maxLength", pattern="pattern")
    well_known = rules.WhichOneof("well_known")
    if well_known in _FORMATS:
        schema["format"] = _FORMATS[well_known]
    if allowed := list(getattr(rules, "in")):
        schema["enum"] = allowed
    return schema


def _sentences(rules: Any) -> Iterator[str]:
    kind = rules.WhichOneof("type")
    if kind == "duration" or kind in _LONG:
        bounds = getattr(rules, kind)
        if bounds.HasField("gte"):
            yield f"At least {_value(bounds.gte)}"
        if bounds.HasField("lte"):
            yield f"At most {_value(bounds.lte)}"
    if kind == "string" and rules.string.HasField("max_bytes"):
        yield f"At most {rules.string.max_bytes} bytes in UTF-8"
    for rule in rules.cel:
        if rule.message:
            yield rule.message[0].upper() + rule.message[1:].rstrip(".")


def _value(bound: Any) -> str:
    return f"{bound.seconds + bound.nanos / 1e9:g} s" if hasattr(bound, "nanos") else str(bound)


def _named(rules: Any, **words: str) -> Json:
    return {word: getattr(rules, rule) for rule, word in words.items() if rules.HasField(rule)}
