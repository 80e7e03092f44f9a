"""OpenAPI 3.1 of what the gateway serves, from the same descriptors as the routes: what it tells is what is served."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.rpc.status_pb2 import Status
from taskbell.access.v1.access_pb2 import access

from gatewaysvc.openapi_schemas import Schemas, is_required
from gatewaysvc.path_template import ONE, REST
from gatewaysvc.routes import ALL_OF_IT, Route
from gatewaysvc.well_known import camel_case

Json = dict[str, Any]

_METHODS: Final = frozenset(("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"))
"""Those that the document can tell; WebSockets and made-up methods it can't."""
_JSON: Final = "application/json"
_STREAMS: Final = ("text/event-stream", "application/x-ndjson")
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


def openapi(routes: Sequence[Route]) -> Json:
    """The document."""
    schemas = Schemas()
    status: Any = Status.DESCRIPTOR
    error = {"description": "An error; its ErrorInfo has the reason.", "content": _json(schemas.of(status))}
    paths: dict[str, Json] = {}
    seen: set[str] = set()
    for route in routes:
        if route.http_method not in _METHODS:
            continue
        operation = _operation(route, schemas, first=route.method.name not in seen)
        operation["responses"]["default"] = error
        paths.setdefault(_path(route), {})[route.http_method.lower()] = operation
        seen.add(route.method.name)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Taskbell", "version": "v1", "description": "Tasks that people and programs share."},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schemas: Schemas, *, first: bool) -> Json:
    method = route.method
    operation: Json = {
        # Another binding of the same method is told apart by its path.
        "operationId": method.name if first else f"{method.name}_{len(route.template.segments)}",
        "tags": [method.containing_service.name.removesuffix("Service")],
        **_security(method),
        "parameters": list(_parameters(route, schemas)),
        "responses": {"200": {"description": "Done.", "content": _answer(route, schemas)}},
    }
    if route.body == ALL_OF_IT:
        bound = {variable.field_path[0] for variable in route.template.variables}
        operation["requestBody"] = {"content": _json(schemas.without(method.input_type, bound))}
    elif isinstance(route.body, FieldDescriptor):
        operation["requestBody"] = {"required": True, "content": _json(schemas.of_field(route.body))}
    return operation


def _security(method: MethodDescriptor) -> Json:
    rule = method.GetOptions().Extensions[access]
    match rule.WhichOneof("kind"):
        case "anonymous":
            return {"security": []}
        case "scope":
            return {"security": [{"bearer": []}], "description": f"An API token needs the scope `{rule.scope}`."}
    return {"security": [{"bearer": []}], "description": "Takes a signed-in user's own session, not an API token."}


def _answer(route: Route, schemas: Schemas) -> Json:
    if route.streams:
        return {kind: {"schema": schemas.of(route.method.output_type)} for kind in _STREAMS}
    if route.response_body is not None:
        return _json(schemas.of_field(route.response_body))
    return _json(schemas.of(route.method.output_type))


def _path(route: Route) -> str:
    """The path, with plain names for its variables: two routes may not differ in a variable's name only."""
    segments = list(route.template.segments)
    for variable in route.template.variables:
        segments[variable.start : variable.end] = [
            f"{{{camel_case(variable.field_path[-1])}}}" if segment in (ONE, REST) else segment
            for segment in segments[variable.start : variable.end]
        ]
    verb = f":{route.template.verb}" if route.template.verb else ""
    return "/" + "/".join(segments) + verb


def _parameters(route: Route, schemas: Schemas) -> Iterator[Json]:
    request = route.method.input_type
    bound = {variable.field_path for variable in route.template.variables}
    for path in bound:
        known = _field_at(request.fields_by_name, path)
        schema = {rule: value for rule, value in schemas.of_field(known).items() if rule != "readOnly"}
        yield {"name": known.json_name, "in": "path", "required": True, "schema": schema}
    if route.body != ALL_OF_IT:
        for known in request.fields:
            if known is not route.body and (known.name,) not in bound:
                yield from _query(known, schemas)
    if "request_id" in request.fields_by_name:
        yield _IDEMPOTENCY_KEY
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
    parameter: Json = {"name": name, "in": "query", "schema": schemas.of_field(known)}
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


def _json(schema: Json) -> Json:
    return {_JSON: {"schema": schema}}
