"""Calls that take a stream and answer once: the body is all of the stream, a JSON array or lines of JSON.

It is read to its end before the call is made, and so may be as long as any other body. What path and query say belongs
to the first message, as with Envoy.
"""

import time
from collections.abc import Iterator
from typing import Any

import grpc.aio
from aiohttp.web import Response
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.errors import FieldViolation, MalformedJson, ServiceError
from chassis.grpc_client import DEADLINE
from gatewaysvc import from_json
from gatewaysvc.exchange import Exchange, read_deadline
from gatewaysvc.problems import JSON
from gatewaysvc.request_body import read_body
from gatewaysvc.routes import Match, Route
from gatewaysvc.stream_dialects import NDJSON
from gatewaysvc.to_json import to_json, write_field
from gatewaysvc.transcode import Transcoder


class ClientStream:
    """One route's calls."""

    def __init__(self, route: Route, channel: grpc.aio.Channel) -> None:
        self._route = route
        self._transcoder = Transcoder(route)
        self._method: Any = channel.stream_unary(
            route.rpc,
            request_serializer=GetMessageClass(route.method.input_type).SerializeToString,
            response_deserializer=GetMessageClass(route.method.output_type).FromString,
        )

    async def answer(self, exchange: Exchange, match: Match) -> Response:
        """The answer to a request. Raises ServiceError."""
        read_deadline(exchange)
        request, deadline = exchange.request, exchange.call.deadline
        body = await read_body(request, raw=self._transcoder.raw.in_request, also=NDJSON)
        messages = list(self._messages(match, request.rel_url.raw_query_string, body, request.content_type))
        timeout = DEADLINE if deadline is None else deadline - time.monotonic()
        response = await self._method(messages, timeout=timeout)
        field = self._route.response_body
        text = to_json(response) if field is None else write_field(field, response)
        headers = {**exchange.headers, "Cache-Control": "no-store"}
        return Response(body=text.encode(), headers=headers, content_type=JSON)

    def _messages(self, match: Match, query: str, body: bytes, content_type: str) -> Iterator[Message]:
        if not self._route.body or self._transcoder.raw.in_request:
            yield self._transcoder.to_request(match, query, body, content_type)
            return
        bodies = _lines(body) if content_type in NDJSON else _elements(body)
        for number, each in enumerate(bodies):
            try:
                parsed = from_json.parse(each) if isinstance(each, bytes) else each
                yield self._transcoder.read(match, query, parsed)
            except ServiceError as error:
                raise _numbered(error, number) from error
            match, query = Match(self._route, ()), ""


def _lines(body: bytes) -> Iterator[bytes]:
    return (line for line in body.split(b"\n") if line.strip())


def _elements(body: bytes) -> list[Any]:
    parsed = from_json.parse(body)
    if not isinstance(parsed, list):
        raise MalformedJson(
            f"The body must be a JSON array, a message each, or {NDJSON[0]}; not {from_json.shown(parsed)}."
        )
    return parsed


def _numbered(error: ServiceError, number: int) -> ServiceError:
    """Tells which message it is about, as the place in a list is told."""
    violations = [FieldViolation(f"[{number}].{each.field}", each.description) for each in error.violations]
    return type(error)(f"[{number}]: {error.message}", metadata=error.metadata, violations=violations)
