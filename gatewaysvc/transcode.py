"""HTTP into request messages: the body, the path and the query of one request, each where the route says.

A PATCH without a mask changes what its body names: the mask is made from the body's own keys, and null clears. So does
each update of a batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from google.api import field_behavior_pb2
from google.api.field_behavior_pb2 import FieldBehavior
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.errors import FieldViolation, InvalidField, MalformedJson
from gatewaysvc import from_json
from gatewaysvc.from_json import Problems, from_text, names, read_field, shown, told_name
from gatewaysvc.http_body import RawBodies
from gatewaysvc.routes import ALL_OF_IT, Match, Route
from gatewaysvc.well_known import WRAPPERS, Refused

FieldPath = tuple[str, ...]

# The extension's stub names another type than extensions have.
_BEHAVIOR: Final[Any] = field_behavior_pb2.field_behavior
_FROM_TEXT: Final = WRAPPERS | {f"google.protobuf.{kind}" for kind in ("Timestamp", "Duration", "FieldMask")}
_ABSENT: Final = object()
"""Stands for a body that isn't there."""
_MOST_PARAMETERS: Final = 1100
_TOKEN_PARAMETERS: Final = frozenset(("access_token", "accessToken", "token"))


class Transcoder:
    """Reads the requests of one route."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.raw = RawBodies(route)
        self._request_type = GetMessageClass(route.method.input_type)
        self._in_path = frozenset(variable.field_path for variable in route.template.variables)
        self._body = route.body if isinstance(route.body, FieldDescriptor) else None
        mask = route.method.input_type.fields_by_name.get("update_mask")
        masks = route.http_method == "PATCH" and mask is not None and mask.message_type is FieldMask.DESCRIPTOR
        self._resource: Descriptor | None = self._body.message_type if self._body is not None else None
        self._mask = mask if masks and self._resource is not None else None
        self._updates = [each for each in route.method.input_type.fields if each.is_repeated and _updated(each)]

    def to_request(self, match: Match, query: str, body: bytes, content_type: str = "") -> Message:
        """The request message. Raises MalformedJson, UnknownField or InvalidField."""
        if self.raw.in_request:
            request = self._request_type()
            self.raw.read(body, content_type, request)
            return self._complete(request, match, query, {}, Problems())
        return self.read(match, query, from_json.parse(body) if body.strip() else _ABSENT)

    def read(self, match: Match, query: str, value: Any) -> Message:
        """The request message, of a body that is parsed already. Raises as `to_request` does."""
        request, problems = self._request_type(), Problems()
        parsed = self._read_body(value, request, problems)
        return self._complete(request, match, query, parsed, problems)

    def _complete(
        self, request: Message, match: Match, query: str, parsed: Mapping[str, Any], problems: Problems
    ) -> Message:
        for path, text in match.path:
            self._bind(path, text, request, problems)
        if query:
            self._read_query(query, request, problems)
        problems.raise_if_any()
        if self._mask is not None and not request.HasField(self._mask.name):
            getattr(request, self._mask.name).paths.extend(
                _mask(parsed, self._resource, (), {path[1:] for path in self._in_path})
            )
        for updates in self._updates:
            _add_masks(updates, parsed, getattr(request, updates.name))
        return request

    def _read_body(self, value: Any, request: Message, problems: Problems) -> Mapping[str, Any]:
        if self._body is not None and not from_json.is_object(self._body):
            read_field(request, self._body, None if value is _ABSENT else value, self._body.name, problems)
            return {}
        parsed = {} if value is _ABSENT else value
        if not isinstance(parsed, dict):
            raise MalformedJson(f"The body must be a JSON object, not {shown(parsed)}.")
        if self._body is not None:
            read_field(request, self._body, parsed, self._body.name, problems)
            return parsed
        if self.route.body == ALL_OF_IT:
            from_json.read_fields(parsed, request, "", problems)
            return parsed
        for name in parsed:
            hint = "belongs in the query: this method takes no body"
            problems.add_unknown(told_name(name), None, hint=hint)
        return {}

    def _bind(self, path: FieldPath, text: str, request: Message, problems: Problems) -> None:
        """Sets what the path says. The body may say the same, as a resource that is sent back does."""
        place = ".".join(path)
        known, holder = _field(request, path)
        try:
            value = from_text(known, text)
        except Refused as refused:
            problems.add_invalid(place, text, str(refused))
            return
        before = getattr(holder, known.name)
        if before not in (value, known.default_value):
            problems.add_invalid(place, before, f"in the body is not {text!r} in the path")
        setattr(holder, known.name, value)

    def _read_query(self, query: str, request: Message, problems: Problems) -> None:
        texts: dict[FieldPath, list[str]] = {}
        for name, text in _pairs(query):
            path = self._parameter(name, problems)
            if path:
                texts.setdefault(path, []).append(text)
        for path, values in texts.items():
            known, holder = _field(request, path)
            place = ".".join(path)
            if not known.is_repeated and len(values) > 1:
                problems.add_invalid(place, values, "is given more than once")
            elif known.is_repeated:
                _set_all(holder, known, values, place, problems)
            elif other := _other_of_oneof(request, path):
                problems.add_invalid(place, values[0], f"can't be given together with {other}")
            elif values[0] or _may_be_empty(known):
                _set(holder, known, values[0], place, problems)

    def _parameter(self, name: str, problems: Problems) -> FieldPath:
        """The field that a parameter means; nothing, with the problem noted, if there is none."""
        message: Descriptor | None = self.route.method.input_type
        path: FieldPath = ()
        known: FieldDescriptor | None = None
        hint = ""
        if name in _TOKEN_PARAMETERS:
            hint = "is not taken from the URL, which lands in logs: send the header Authorization"
        elif self.route.body == ALL_OF_IT:
            hint = "belongs in the body"
        parts = name.split(".")
        while parts and message is not None and not hint:
            known = names(message).get(parts[0])
            if known is None:
                break
            parts.pop(0)
            path = (*path, known.name)
            if known is self._body:
                hint = "belongs in the body"
            message = None if known.is_repeated or _is_from_text(known) else known.message_type
        if not hint and path in self._in_path:
            hint = "comes in the path"
        if hint or known is None or parts or message is not None or not _is_from_text(known):
            problems.add_unknown(told_name(name), message, hint=hint)
            return ()
        return path


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise _query("must be UTF-8, percent-encoded") from None
    except ValueError:
        raise _query(f"must have at most {_MOST_PARAMETERS} parameters") from None


def _query(allowed: str) -> InvalidField:
    return InvalidField.listing([FieldViolation("query", allowed)])


def _is_from_text(known: FieldDescriptor) -> bool:
    return known.message_type is None or known.message_type.full_name in _FROM_TEXT


def _may_be_empty(known: FieldDescriptor) -> bool:
    """Whether nothing is a value: an empty text or no bytes, wrapped or not."""
    wrapped = known.message_type is not None and known.message_type.full_name in WRAPPERS
    one = known.message_type.fields_by_name["value"] if wrapped and known.message_type is not None else known
    return one.cpp_type == FieldDescriptor.CPPTYPE_STRING


def _other_of_oneof(request: Message, path: FieldPath) -> str:
    """What has been set that the field at the path, or one on the way to it, excludes."""
    holder: Any = request
    for name in path:
        oneof = holder.DESCRIPTOR.fields_by_name[name].containing_oneof
        there_is = holder.WhichOneof(oneof.name) if oneof is not None else None
        if there_is not in (None, name):
            return str(there_is)
        holder = getattr(holder, name)
    return ""


def _field(request: Message, path: FieldPath) -> tuple[FieldDescriptor, Any]:
    """The field at the end of a path, and the message that has it."""
    holder: Any = request
    for name in path[:-1]:
        holder = getattr(holder, name)
    return holder.DESCRIPTOR.fields_by_name[path[-1]], holder


def _set(holder: Message, known: FieldDescriptor, text: str, place: str, problems: Problems) -> None:
    if known.message_type is not None:
        wrapped = known.message_type.fields_by_name.get("value") if known.message_type.full_name in WRAPPERS else None
        if wrapped is not None:
            getattr(holder, known.name).SetInParent()
            _set(getattr(holder, known.name), wrapped, text, place, problems)
        else:
            read_field(holder, known, text, place, problems)
        return
    try:
        setattr(holder, known.name, from_text(known, text))
    except Refused as refused:
        problems.add_invalid(place, text, str(refused))


def _set_all(holder: Message, known: FieldDescriptor, texts: list[str], place: str, problems: Problems) -> None:
    if known.message_type is not None:
        read_field(holder, known, texts, place, problems)
        return
    values = getattr(holder, known.name)
    for i, text in enumerate(texts):
        try:
            values.append(from_text(known, text))
        except Refused as refused:
            problems.add_invalid(f"{place}[{i}]", text, str(refused))


def _mask(
    body: Mapping[str, Any], message: Descriptor | None, path: FieldPath, in_path: set[FieldPath]
) -> Iterator[str]:
    """The paths of what a body names. What the server owns is left out: a resource may be sent back as it was read."""
    fields = names(message) if message is not None else {}
    for name, value in body.items():
        known = fields[name]
        here = (*path, known.name)
        behavior: Sequence[int] = known.GetOptions().Extensions[_BEHAVIOR]
        if here in in_path or FieldBehavior.OUTPUT_ONLY in behavior or here == ("etag",):
            continue
        if FieldBehavior.IMMUTABLE in behavior and not value:
            continue
        inner = known.message_type if not known.is_repeated and isinstance(value, dict) and value else None
        if inner is not None and not inner.full_name.startswith("google.protobuf."):
            yield from _mask(value, inner, here, in_path)
        else:
            yield ".".join(here)


def _updated(known: FieldDescriptor) -> FieldDescriptor | None:
    """The resource in a field that holds updates: messages with a mask and one resource (AIP-134)."""
    fields = known.message_type.fields if known.message_type is not None else ()
    inside = {each.message_type.full_name: each for each in fields if each.message_type is not None}
    mask = inside.pop(FieldMask.DESCRIPTOR.full_name, None)
    return next(iter(inside.values())) if mask is not None and mask.name == "update_mask" and len(inside) == 1 else None


def _add_masks(updates: FieldDescriptor, body: Mapping[str, Any], messages: Sequence[Any]) -> None:
    resource = _updated(updates)
    told = _said(updates, body) or ()
    for said, message in zip(told, messages, strict=True):
        inner = _said(resource, said) if resource is not None else None
        if inner and resource is not None and not message.HasField("update_mask"):
            message.update_mask.paths.extend(_mask(inner, resource.message_type, (), set()))


def _said(known: FieldDescriptor, body: Mapping[str, Any]) -> Any:
    return body.get(known.json_name, body.get(known.name))
