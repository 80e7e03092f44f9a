"""What comes back, for the API's documentation: answers with their headers, and every error with its reasons."""

import json
from http import HTTPStatus
from typing import Any, Final

from google.rpc.status_pb2 import Status
from taskbell.access.v1.access_pb2 import access

from chassis.errors import ServiceError, UnknownError, http_status, to_status
from gatewaysvc import openapi_examples
from gatewaysvc.descriptions import described
from gatewaysvc.openapi_rules import Json
from gatewaysvc.openapi_schemas import Schemas
from gatewaysvc.routes import Route
from gatewaysvc.to_json import to_json

_GONE: Final = 499
"""The client went away: nobody sees this status."""
_JSON: Final = "application/json"
_STREAMS: Final = ("application/x-ndjson", "text/event-stream")
_TEXT: Final[Json] = {"type": "string"}
_NUMBER: Final[Json] = {"type": "integer", "minimum": 0}
_HEADERS: Final[Json] = {
    "ETag": {"description": "The resource as it is now, for `If-Match` and `If-None-Match`.", "schema": _TEXT},
    "RateLimit-Limit": {"description": "Calls that may come at once.", "schema": _NUMBER},
    "RateLimit-Remaining": {"description": "Calls of them that are left.", "schema": _NUMBER},
    "RateLimit-Reset": {"description": "Seconds until all of them are there again.", "schema": _NUMBER},
    "Retry-After": {"description": "Seconds to wait.", "schema": _NUMBER},
    "X-Request-Id": {"description": "The call's id in the logs of all services.", "schema": _TEXT},
}
_ALWAYS: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id")


def _kinds() -> dict[int, list[type[ServiceError]]]:
    """The errors by their HTTP status."""
    found: dict[int, list[type[ServiceError]]] = {}
    for kind in sorted(ServiceError.kinds(), key=lambda each: each.reason):
        status = http_status(kind(""))
        if kind is not UnknownError and status != _GONE:
            found.setdefault(status, []).append(kind)
    return found


def _failure(status: int, kinds: list[type[ServiceError]]) -> Json:
    meanings = [f"- `{kind.reason}`: {' '.join((kind.__doc__ or '').split())}" for kind in kinds]
    examples = {kind.reason: {"value": _example(kind)} for kind in kinds}
    media = {"schema": {"$ref": "#/components/schemas/Status"}, "examples": examples}
    headers = _refer(*_ALWAYS, *(("Retry-After",) if status in _WAITS else ()))
    return {"description": "\n".join(meanings), "headers": headers, "content": {_JSON: media}}


def _example(kind: type[ServiceError]) -> Any:
    text = " ".join((kind.__doc__ or "").split()).partition(". ")[0]
    return json.loads(to_json(to_status(kind(text))))


def _refer(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


_WAITS: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_KINDS: Final = _kinds()
COMPONENTS: Final[Json] = {
    "headers": _HEADERS,
    "responses": {str(status): _failure(status, kinds) for status, kinds in sorted(_KINDS.items())},
}
"""What the operations' responses refer to."""
_ALL_REASONS: Final = {kind.reason: status for status, kinds in _KINDS.items() for kind in kinds}


def responses(route: Route, schemas: Schemas) -> Json:
    """An operation's answers by their status."""
    schemas.of(Status.DESCRIPTOR)  # type: ignore[arg-type]  # typed as another library's
    tells_etag = not route.streams and "etag" in route.method.output_type.fields_by_name
    headers = _refer(*(("ETag",) if tells_etag else ()), *_ALWAYS)
    found: Json = {"200": {"description": "Done.", "headers": headers, "content": _answer(route, schemas)}}
    if tells_etag and route.http_method == "GET":
        found["304"] = {"description": "The reader has this answer.", "headers": headers}
    for status in sorted(_failures(route)):
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    found["default"] = {
        "description": "Another error; its ErrorInfo has the reason.",
        "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Status"}}},
    }
    return found


def _failures(route: Route) -> set[int]:
    """The errors that a caller should count with: by what it sends, and by what the method's comment names."""
    request, text = route.method.input_type.fields_by_name, described(route.method.full_name)
    found = {400, 429, 503, 504, *(status for reason, status in _ALL_REASONS.items() if reason in text)}
    if route.method.GetOptions().Extensions[access].WhichOneof("kind") != "anonymous":
        found |= {401, 403}
    if route.template.variables:
        found.add(404)
    if "etag" in request or route.http_method == "PATCH":
        found.add(412)
    return found


def _answer(route: Route, schemas: Schemas) -> Json:
    output = route.method.output_type
    if route.streams:
        item = schemas.of(output)
        array = {_JSON: {"schema": {"type": "array", "items": item}}}
        return {**{kind: {"schema": item} for kind in _STREAMS}, **array}
    if route.response_body is not None:
        return {_JSON: {"schema": schemas.of_field(route.response_body)}}
    return {_JSON: {"schema": schemas.of(output), "example": json.loads(openapi_examples.answer(output))}}
