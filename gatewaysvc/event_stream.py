"""Calls whose answer is a stream, over plain HTTP: server-sent events, or NDJSON for whoever doesn't ask for them.

The status line waits until the service has opened the stream, so whoever has seen it misses nothing from then on, and
what speaks against the request has a status of its own. Later an error can only be the last event (`error`) or the last
line (`{"error": ...}`). A client that goes ends its call at once.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any, Final

import grpc.aio
from aiohttp.web import Response, StreamResponse
from google.protobuf.message_factory import GetMessageClass

from chassis.errors import DeadlineExceeded, InvalidField, ServiceError, to_status
from gatewaysvc.exchange import Exchange
from gatewaysvc.http_metrics import open_streams
from gatewaysvc.problems import in_our_words
from gatewaysvc.routes import Match, Route
from gatewaysvc.ticket import take_ticket
from gatewaysvc.to_json import to_json
from gatewaysvc.transcode import Transcoder

_SSE: Final = "text/event-stream"
_NDJSON: Final = "application/x-ndjson"
_OPENING: Final = 10.0
_KEEP_ALIVE: Final = 15.0
_RETRY_MS: Final = 2000
_REMEMBERED: Final = 256
"""Messages whose text is kept: to a thousand clients goes the same one."""


class EventStream:
    """One route's streams."""

    def __init__(self, route: Route, channel: grpc.aio.Channel, leaving: asyncio.Event) -> None:
        self._transcoder = Transcoder(route)
        self._resumes = "after" in route.method.input_type.fields_by_name
        self._leaving = leaving
        self._method: Any = channel.unary_stream(
            route.rpc,
            request_serializer=GetMessageClass(route.method.input_type).SerializeToString,
        )
        kind = GetMessageClass(route.method.output_type)
        self._sse, self._ndjson = _Sse(kind), _Ndjson(kind)

    async def answer(self, exchange: Exchange, match: Match) -> StreamResponse:
        """Streams until either side ends it. Raises ServiceError as long as nothing was sent."""
        dialect = self._sse if _SSE in exchange.request.headers.get("Accept", "") else self._ndjson
        message: Any = self._transcoder.to_request(match, take_ticket(exchange), b"")
        last_seen = exchange.request.headers.get("Last-Event-ID")
        if last_seen and self._resumes:
            # Newer than the one in the URL, with which a browser connects again.
            if not last_seen.isascii():
                raise InvalidField.named("Last-Event-ID", last_seen, "must be the id of an event")
            message.after = last_seen
        headers = {**exchange.headers, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        headers["Content-Type"] = dialect.content_type
        if exchange.request.method == "HEAD":
            return Response(headers=headers)
        response = StreamResponse(headers=headers)
        async with asyncio.TaskGroup() as group:
            call = _Call(self._method(message), group)
            leaving = group.create_task(self._leaving.wait())
            try:
                objection = await call.objection()
                if objection is None:
                    await response.prepare(exchange.request)
                    with open_streams(dialect.name):
                        async for chunk in call.chunks(dialect, leaving):
                            await response.write(chunk)
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

    async def chunks(self, dialect: "_Dialect", leaving: asyncio.Task[Any]) -> AsyncIterator[bytes]:
        """What goes to the client, until the stream ends or we leave."""
        if dialect.beginning:
            yield dialect.beginning
        while not leaving.done():
            await asyncio.wait((self._next, leaving), timeout=_KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
            if not self._next.done():
                if dialect.keep_alive:
                    yield dialect.keep_alive
                continue
            message = self._next.result()
            if message is None:
                break
            if isinstance(message, ServiceError):
                yield dialect.ending(in_our_words(message))
                break
            self._next = self._group.create_task(self._read())
            yield dialect.event(message)

    def cancel(self) -> None:
        """Ends it on both sides."""
        self._next.cancel()

    async def _open(self) -> None:
        """Returns when the service has said that the stream runs."""
        if not await self._stream.initial_metadata():
            # It has failed before that: how, the first read is about to tell.
            await self._next

    async def _read(self) -> bytes | ServiceError | None:
        """The next message, the error that ended the stream, or None for its end."""
        try:
            message = await self._stream.read()
        except ServiceError as error:
            return error
        return None if message is grpc.aio.EOF else message


class _Sse:
    """Server-sent events, as the HTML standard has them."""

    name = "sse"
    content_type = f"{_SSE}; charset=utf-8"
    beginning = f"retry: {_RETRY_MS}\n\n".encode()
    keep_alive = b": still here\n\n"

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.event = lru_cache(_REMEMBERED)(self._event)

    def _event(self, serialised: bytes) -> bytes:
        """An event with its cursor for an id."""
        message = self._kind.FromString(serialised)
        return f"id: {message.cursor}\nevent: {message.type}\ndata: {to_json(message)}\n\n".encode()

    def ending(self, error: ServiceError) -> bytes:
        """The last event."""
        return f"event: error\ndata: {to_json(to_status(error))}\n\n".encode()


class _Ndjson:
    """A message a line."""

    name = "ndjson"
    content_type = _NDJSON
    beginning = b""
    keep_alive = b""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.event = lru_cache(_REMEMBERED)(self._event)

    def _event(self, serialised: bytes) -> bytes:
        """A line."""
        return f"{to_json(self._kind.FromString(serialised))}\n".encode()

    def ending(self, error: ServiceError) -> bytes:
        """The last line."""
        return f'{{"error":{to_json(to_status(error))}}}\n'.encode()


_Dialect = _Sse | _Ndjson
