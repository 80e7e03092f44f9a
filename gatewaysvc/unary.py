"""Calls with one answer: a request is read, its method called, the answer written."""

from typing import Any, Final

import grpc.aio
from aiohttp.web import Response
from google.protobuf.message_factory import GetMessageClass
from taskbell.access.v1.access_pb2 import access

from chassis.errors import MessageTooLarge
from gatewaysvc.conditions import Conditions
from gatewaysvc.exchange import Exchange, add_vary, read_deadline
from gatewaysvc.introduction import Introduction
from gatewaysvc.problems import JSON
from gatewaysvc.request_body import MOST_BYTES, read_body
from gatewaysvc.routes import Match, Route
from gatewaysvc.to_json import to_json, write_field
from gatewaysvc.transcode import Transcoder

# Of as much JSON, protobuf may make more bytes than a server takes: each of a Struct's numbers has nine.
_SURELY_SMALL: Final = MOST_BYTES // 16


class Unary:
    """One route's calls."""

    def __init__(self, route: Route, channel: grpc.aio.Channel, introduction: Introduction | None = None) -> None:
        self._route = route
        # Calls with credentials say by them whom they are made for.
        self._introduction = introduction if route.method.GetOptions().Extensions[access].anonymous else None
        self._transcoder = Transcoder(route)
        self._conditions = Conditions(route)
        self._method: Any = channel.unary_unary(
            route.rpc,
            request_serializer=GetMessageClass(route.method.input_type).SerializeToString,
            response_deserializer=GetMessageClass(route.method.output_type).FromString,
        )

    async def answer(self, exchange: Exchange, match: Match) -> Response:
        """The answer to a request. Raises ServiceError."""
        request = exchange.request
        read_deadline(exchange)
        raw = self._transcoder.raw
        body = await read_body(request, raw=raw.in_request)
        content_type = request.headers.get("Content-Type", "") if raw.in_request else ""
        message = self._transcoder.to_request(match, request.rel_url.raw_query_string, body, content_type)
        if len(body) > _SURELY_SMALL and message.ByteSize() > MOST_BYTES:
            raise MessageTooLarge(f"The request is larger than {MOST_BYTES // 2**20} MiB as a gRPC message.")
        self._conditions.apply(request.headers, message)
        metadata = self._introduction.metadata(request) if self._introduction else ()
        response = await self._method(message, metadata=metadata)
        etag = self._conditions.etag(response)
        headers = exchange.headers
        if etag:
            headers["ETag"] = etag
            # Whose answer it is depends on the token: a cache may keep it for this caller, and must ask again.
            headers["Cache-Control"] = "private, no-cache"
            add_vary(headers, "Authorization")
            if self._conditions.unchanged(request.headers, etag):
                return Response(status=304, headers=headers)
        else:
            headers["Cache-Control"] = "no-store"
        if raw.in_answer:
            body, headers["Content-Type"] = raw.write(response)
            return Response(body=body, headers=headers)
        field = self._route.response_body
        text = to_json(response) if field is None else write_field(field, response)
        return Response(body=text.encode(), headers=headers, content_type=JSON)
