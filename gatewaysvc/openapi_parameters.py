"""What a request says beside its body, for the API's documentation: in the path, the query and headers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from google.protobuf.descriptor import FieldDescriptor

from gatewaysvc.openapi_rules import Json
from gatewaysvc.openapi_schemas import Schemas, is_required
from gatewaysvc.routes import ALL_OF_IT, Route

_IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat safe: the same key within 24 hours gets the first answer.",
    "schema": {"type": "string", "maxLength": 64},
}
_IF_MATCH: Final[Json] = {
    "name": "If-Match",
    "in": "header",
    "description": "The etag that was read; the change is made only if it still is this one (412 ETAG_MISMATCH).",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH: Final[Json] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The etag of the answer that the reader has: 304 if it still is this one.",
    "schema": {"type": "string"},
}


def parameters(route: Route, schemas: Schemas) -> Iterator[Json]:
    """All of them."""
    request = route.method.input_type
    bound = {variable.field_path for variable in route.template.variables}
    for path in bound:
        known = _field_at(request.fields_by_name, path)
        yield {"name": known.json_name, "in": "path", "required": True, **_told(known, schemas)}
    if route.body != ALL_OF_IT:
        for known in request.fields:
            if known is not route.body and (known.name,) not in bound:
                yield from _query(known, schemas)
    if "request_id" in request.fields_by_name:
        yield _IDEMPOTENCY_KEY
    if route.http_method == "GET" and "etag" in route.method.output_type.fields_by_name:
        yield _IF_NONE_MATCH
    holder = route.body if isinstance(route.body, FieldDescriptor) and route.http_method == "PATCH" else None
    message = holder.message_type if holder is not None else request
    if message is not None and "etag" in message.fields_by_name:
        yield _IF_MATCH


def _query(known: FieldDescriptor, schemas: Schemas, within: tuple[FieldDescriptor, ...] = ()) -> Iterator[Json]:
    here = (*within, known)
    name = ".".join(each.json_name for each in here)
    if schemas.is_object(known):
        # A message that holds itself could go on for ever: once is told.
        outer = {each.message_type for each in within}
        if known.message_type is not None and not known.is_repeated and known.message_type not in outer:
            for inner in known.message_type.fields:
                yield from _query(inner, schemas, here)
        return
    parameter: Json = {"name": name, "in": "query", **_told(known, schemas)}
    if is_required(known):
        parameter["required"] = True
    if known.is_repeated:
        parameter["explode"] = True
    yield parameter


def _field_at(fields: Mapping[str, FieldDescriptor], path: Sequence[str]) -> FieldDescriptor:
    known = fields[path[0]]
    if len(path) == 1 or known.message_type is None:
        return known
    return _field_at(known.message_type.fields_by_name, path[1:])


def _told(known: FieldDescriptor, schemas: Schemas) -> Json:
    """A field's schema, and what is said of it beside."""
    schema = {rule: value for rule, value in schemas.of_field(known).items() if rule not in ("readOnly", "writeOnly")}
    text = schema.pop("description", "")
    return {"description": text, "schema": schema} if text else {"schema": schema}
