"""Conversations over a WebSocket: each text frame is the JSON of one message, both ways.

A frame that can't be read is answered with `{"error": ...}`, and the conversation goes on. How it ended is told by an
error frame and by the close code: 1000 well, 1001 we leave, 1011 a mistake of ours, 1013 try again soon, and for
everything else 4000 + the HTTP status (4401: the token is no good, or no longer).
"""

import asyncio
import json
from contextlib import suppress
from typing import Any, Final

import grpc.aio
from aiohttp import WSCloseCode, WSMsgType
from aiohttp.web import WebSocketResponse
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from chassis.errors import MalformedJson, ServiceError, http_status
from gatewaysvc import from_json
from gatewaysvc.exchange import Exchange
from gatewaysvc.http_metrics import open_streams
from gatewaysvc.problems import in_our_words
from gatewaysvc.routes import Match, Route
from gatewaysvc.to_json import to_json

_HEARTBEAT: Final = 20.0
_LARGEST_FRAME: Final = 64 * 1024
_RECONNECT_MS: Final = 1000
_OURS: Final = 4000
_SERVER_ERROR: Final = 500


def close_code(error: ServiceError) -> int:
    """The close code that tells of an error."""
    if error.code is StatusCode.UNAVAILABLE:
        return WSCloseCode.TRY_AGAIN_LATER
    status = http_status(error)
    return WSCloseCode.INTERNAL_ERROR if status >= _SERVER_ERROR else _OURS + status


class Conversations:
    """One route's WebSockets."""

    def __init__(self, route: Route, channel: grpc.aio.Channel, leaving: asyncio.Event) -> None:
        self._leaving = leaving
        self._request_type = GetMessageClass(route.method.input_type)
        self._method: Any = channel.stream_stream(
            route.rpc,
            request_serializer=self._request_type.SerializeToString,
            response_deserializer=GetMessageClass(route.method.output_type).FromString,
        )

    async def answer(self, exchange: Exchange, _match: Match) -> WebSocketResponse:
        """Talks until either side ends it."""
        # No compression: a frame is small, and a connection's compressor takes 300 KB.
        socket = WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_LARGEST_FRAME, compress=False)
        socket.headers.update(exchange.headers)
        await socket.prepare(exchange.request)
        with open_streams("websocket"):
            await _Conversation(socket, self._method(), self._request_type).run(self._leaving)
        return socket


class _Conversation:
    """A WebSocket and the call behind it."""

    def __init__(self, socket: WebSocketResponse, call: Any, request_type: Any) -> None:
        self._socket = socket
        self._call = call
        self._request_type = request_type

    async def run(self, leaving: asyncio.Event) -> None:
        """Until one of the two ends, or we leave."""
        async with asyncio.TaskGroup() as group:
            speaking = group.create_task(self._speak())
            listening = group.create_task(self._listen())
            left = group.create_task(leaving.wait())
            parts = (speaking, listening, left)
            try:
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for part in parts:
                    part.cancel()
        if left.done() and not left.cancelled():
            await self._send(f'{{"goingAway":{{"reconnectAfterMs":{_RECONNECT_MS}}}}}')
            await self._socket.close(code=WSCloseCode.GOING_AWAY)
        elif not speaking.cancelled():
            await self._end(speaking.result())

    async def _speak(self) -> ServiceError | None:
        """Passes on what the service says. Returns how it ended."""
        try:
            while (message := await self._call.read()) is not grpc.aio.EOF:
                await self._socket.send_str(to_json(message))
        except ServiceError as error:
            return in_our_words(error)
        except ConnectionError:
            pass  # the client has gone; nobody is left to be told
        return None

    async def _listen(self) -> None:
        """Passes on what the client says, until it goes."""
        async for frame in self._socket:
            if frame.type is WSMsgType.BINARY:
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"frames are JSON text")
            if frame.type is not WSMsgType.TEXT:
                return
            said: dict[str, Any] = {}
            try:
                said = _parse(frame.data)
                request = self._request_type()
                from_json.read(said, request)
            except ServiceError as error:
                await self._send(_error_frame(error, _subscription(said)))
                continue
            try:
                await self._call.write(request)
            except (ServiceError, asyncio.InvalidStateError):
                # The call has ended: how, `_speak` is about to find out, and then nobody waits for this any more.
                await asyncio.Event().wait()

    async def _send(self, text: str) -> None:
        with suppress(ConnectionError):  # gone in the meantime
            await self._socket.send_str(text)

    async def _end(self, error: ServiceError | None) -> None:
        if error is None:
            await self._socket.close()
            return
        await self._send(_error_frame(error))
        await self._socket.close(code=close_code(error), message=error.reason.encode())


def _parse(text: str) -> dict[str, Any]:
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise MalformedJson("The frame is not UTF-8.") from None
    value = from_json.parse(encoded)
    if not isinstance(value, dict):
        raise MalformedJson(f"A frame must be a JSON object, not {from_json.shown(value)}.")
    return value


def _subscription(said: dict[str, Any]) -> str:
    """The subscription that a frame is about, as far as it can be read."""
    inner = next(iter(said.values()), None)
    name = inner.get("id") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else ""


def _error_frame(error: ServiceError, about: str = "") -> str:
    told = {"error": {"id": about, "code": error.reason, "message": error.message}}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
