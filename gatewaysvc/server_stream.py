"""Calls whose answer is a stream, over plain HTTP, in the dialect that the client accepts.

The status line waits until the service has opened the stream, so whoever has seen it misses nothing from then on, and
what speaks against the request has a status of its own. A client that goes ends its call at once.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc.aio
from aiohttp.web import Response, StreamResponse
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.errors import DeadlineExceeded, ServiceError, Unavailable
from gatewaysvc.exchange import Exchange, read_deadline
from gatewaysvc.http_metrics import open_streams
from gatewaysvc.problems import in_our_words
from gatewaysvc.request_body import read_body
from gatewaysvc.routes import Match, Route
from gatewaysvc.stream_dialects import Dialect, accepted
from gatewaysvc.to_json import to_json, write_field
from gatewaysvc.transcode import Transcoder

KEEP_ALIVE: Final = 15.0
"""Seconds of silence after which a stream shows that it lives."""
_OPENING: Final = 10.0


class ServerStream:
    """One route's streams."""

    def __init__(self, route: Route, channel: grpc.aio.Channel, leaving: asyncio.Event) -> None:
        self._route = route
        self._transcoder = Transcoder(route)
        self._leaving = leaving
        self._method: Any = channel.unary_stream(
            route.rpc,
            request_serializer=GetMessageClass(route.method.input_type).SerializeToString,
        )
        self._answer_type: Any = GetMessageClass(route.method.output_type)

    async def answer(self, exchange: Exchange, match: Match) -> StreamResponse:
        """Streams until either side ends it. Raises ServiceError as long as nothing was sent."""
        request = exchange.request
        read_deadline(exchange)
        dialect = self.dialect(request.headers.get("Accept", ""))
        message = self._transcoder.to_request(match, self.query(exchange), await read_body(request))
        self.prepare(exchange, message)
        headers = {**exchange.headers, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        headers["Content-Type"] = dialect.content_type
        if request.method == "HEAD":
            return Response(headers=headers)
        deadline = exchange.call.deadline
        timeout = None if deadline is None else deadline - time.monotonic()
        return await self._stream(self._method(message, timeout=timeout), exchange, dialect, headers)

    def dialect(self, accept: str) -> Dialect:
        """How messages are told to a client that accepts this."""
        return accepted(accept)(self.write)

    def query(self, exchange: Exchange) -> str:
        """The query's parameters that are the request's."""
        return exchange.request.rel_url.raw_query_string

    def prepare(self, exchange: Exchange, message: Message) -> None:
        """Takes over what headers say. Raises ServiceError."""

    def write(self, message: bytes) -> bytes:
        """One message's JSON."""
        read: Message = self._answer_type.FromString(message)
        field = self._route.response_body
        return (to_json(read) if field is None else write_field(field, read)).encode()

    def farewell(self, dialect: Dialect) -> bytes:
        """What a client is told when the gateway leaves in the middle."""
        return dialect.failure(Unavailable("The gateway leaves before the stream has ended; ask again."))

    async def _stream(
        self, stream: Any, exchange: Exchange, dialect: Dialect, headers: dict[str, str]
    ) -> StreamResponse:
        response = StreamResponse(headers=headers)
        async with asyncio.TaskGroup() as group:
            call = _Call(stream, group)
            leaving = group.create_task(self._leaving.wait())
            try:
                objection = await call.objection()
                if objection is None:
                    await response.prepare(exchange.request)
                    with open_streams(dialect.name):
                        async for chunk in call.chunks(dialect, leaving):
                            await response.write(chunk)
                        if call.cut_off:
                            await response.write(self.farewell(dialect))
                        await response.write(dialect.end())
                    await response.write_eof()
            except ConnectionError:
                objection = None  # the client has gone
            finally:
                call.cancel()
                leaving.cancel()
        if objection is not None:
            raise objection
        return response


class _Call:
    """A streaming call, read one message ahead."""

    def __init__(self, stream: Any, group: asyncio.TaskGroup) -> None:
        self._stream = stream
        self._group = group
        self._next = group.create_task(self._read())
        self.cut_off = False
        """We left before it ended."""

    async def objection(self) -> ServiceError | None:
        """Waits until the service answers. Returns what it has against the request."""
        opening = self._group.create_task(self._open())
        try:
            await asyncio.wait((self._next, opening), timeout=_OPENING, return_when=asyncio.FIRST_COMPLETED)
            if not (self._next.done() or opening.done()):
                return DeadlineExceeded("The service didn't answer in time.")
        finally:
            opening.cancel()
        first = self._next.result() if self._next.done() else None
        return first if isinstance(first, ServiceError) else None

    async def chunks(self, dialect: Dialect, leaving: asyncio.Task[Any]) -> AsyncIterator[bytes]:
        """What goes to the client, until the stream ends or we leave."""
        if dialect.beginning:
            yield dialect.beginning
        while True:
            await asyncio.wait((self._next, leaving), timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                self.cut_off = True
                break
            if not self._next.done():
                if dialect.keep_alive:
                    yield dialect.keep_alive
                continue
            message = self._next.result()
            if message is None:
                break
            if isinstance(message, ServiceError):
                yield dialect.failure(in_our_words(message))
                break
            self._next = self._group.create_task(self._read())
            yield dialect.item(message)

    def cancel(self) -> None:
        """Ends it on both sides."""
        self._next.cancel()
        self._stream.cancel()

    async def _open(self) -> None:
        """Returns when the service has said that the stream runs."""
        if not await self._stream.initial_metadata():
            # It has failed before that: how, the first read is about to tell.
            await self._next

    async def _read(self) -> bytes | ServiceError | None:
        """The next message as it came, the error that ended the stream, or None for its end."""
        try:
            message = await self._stream.read()
        except ServiceError as error:
            return error
        return None if message is grpc.aio.EOF else message
