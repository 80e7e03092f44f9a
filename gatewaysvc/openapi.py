"""OpenAPI 3.1 of what the gateway serves, from the same descriptors as the routes: what it tells is what is served."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from taskbell.access.v1.access_pb2 import access

from gatewaysvc import openapi_examples
from gatewaysvc.descriptions import described
from gatewaysvc.openapi_parameters import parameters
from gatewaysvc.openapi_responses import COMPONENTS, responses
from gatewaysvc.openapi_rules import Json
from gatewaysvc.openapi_schemas import Schemas, is_required
from gatewaysvc.path_template import ONE, REST
from gatewaysvc.routes import ALL_OF_IT, Route
from gatewaysvc.stream_dialects import NDJSON
from gatewaysvc.well_known import camel_case

_METHODS: Final = frozenset(("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"))
"""Those that the document can tell; WebSockets and made-up methods it can't."""
_ABOUT: Final = (
    "Tasks that people and programs share. Everything here is also served over gRPC, with the same names, rules and "
    "errors. JSON is proto3 JSON: `null` is the same as leaving a field out, numbers of 64 bits are strings, and a "
    "name that isn't known is refused. Register (`RegisterUser`), log in (`LogIn`), and send the access token with "
    "every call."
)
_SCHEMES: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A session's access token (`LogIn`), or an API token (`CreateToken`) with the method's scope.",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "Opens one stream, where headers can't be sent: `CreateTicket`.",
    },
}


def openapi(routes: Sequence[Route]) -> Json:
    """The document."""
    schemas = Schemas()
    paths: dict[str, Json] = {}
    bindings = Counter[str]()
    for route in routes:
        if route.http_method in _METHODS:
            bindings[route.method.name] += 1
            operation = _operation(route, schemas, bindings[route.method.name])
            paths.setdefault(_path(route), {})[route.http_method.lower()] = operation
    services = {route.method.containing_service: None for route in routes}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Taskbell", "version": "v1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": _tag(service.name), "description": described(service.full_name)} for service in services],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _SCHEMES, **COMPONENTS},
    }


def _operation(route: Route, schemas: Schemas, binding: int) -> Json:
    method = route.method
    about = described(method.full_name)
    security, who = _security(method)
    operation: Json = {
        "operationId": method.name if binding == 1 else f"{method.name}_{binding}",
        "tags": [_tag(method.containing_service.name)],
        "summary": about.partition(". ")[0].rstrip(".")[:120] or method.name,
        "description": "\n\n".join(filter(None, (about, who))),
        "security": security,
        "parameters": list(parameters(route, schemas)),
        "responses": responses(route, schemas),
    }
    if (body := _body(route, schemas)) is not None:
        operation["requestBody"] = body
    return operation


def _body(route: Route, schemas: Schemas) -> Json | None:
    one = _message_body(route, schemas)
    if one is None or not route.method.client_streaming:
        return one
    of_one = one["content"]["application/json"]
    of_all = {"schema": {"type": "array", "items": of_one["schema"]}}
    return {"required": True, "content": {"application/json": of_all, NDJSON[0]: of_one}}


def _message_body(route: Route, schemas: Schemas) -> Json | None:
    request = route.method.input_type
    if route.body == ALL_OF_IT:
        bound = {variable.field_path[0] for variable in route.template.variables}
        fields = [known for known in request.fields if known.name not in bound]
        example = openapi_examples.request(request, bound)
        schema = schemas.without(request, bound)
        return {"required": any(map(is_required, fields)), "content": _json(schema, example)}
    if not isinstance(route.body, FieldDescriptor):
        return None
    schema = schemas.of_field(route.body, changes=route.http_method == "PATCH")
    schema = {name: value for name, value in schema.items() if name != "description"}
    inner = route.body.message_type
    return {"required": True, "content": _json(schema, openapi_examples.request(inner) if inner is not None else None)}


def _security(method: MethodDescriptor) -> tuple[list[Json], str]:
    """What a caller must bring, and in words."""
    rule = method.GetOptions().Extensions[access]
    match rule.WhichOneof("kind"):
        case "anonymous":
            return [], "Anybody may call."
        case "scope":
            return [{"bearer": [rule.scope]}], f"An API token needs the scope `{rule.scope}`."
        case "stream":
            return [{"bearer": [rule.stream]}, {"ticket": []}], f"An API token needs the scope `{rule.stream}`."
    return [{"bearer": []}], "Takes a signed-in user's own session, not an API token."


def _tag(service: str) -> str:
    return service.removesuffix("Service")


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


def _json(schema: Json, example: Any) -> Json:
    return {"application/json": {"schema": schema, **({"example": example} if example is not None else {})}}
