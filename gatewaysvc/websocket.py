"""Conversations over a WebSocket: each frame is one message, both ways, as JSON or as protobuf.

A frame that can't be read is answered with an error, and the conversation goes on. How it ended is told by an error
frame and by the close code: 1000 well, 1001 we leave, 1003 a frame of the other dialect, 1009 a frame too large, 1011
a mistake of ours, 1013 try again soon, and for everything else 4000 + the HTTP status (4401: the token is no good, or
no longer).
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

import grpc.aio
from aiohttp import WSCloseCode, WSMsgType
from aiohttp.web import WebSocketResponse
from grpc import StatusCode
from taskbell.notifications.v1.notifications_pb2 import ConnectResponse, GoingAway

from chassis.errors import InvalidField, ServiceError, http_status
from gatewaysvc.exchange import Exchange
from gatewaysvc.frames import Frames, JsonFrames, ProtoFrames, Unreadable
from gatewaysvc.from_json import Problems
from gatewaysvc.http_metrics import open_streams
from gatewaysvc.problems import in_our_words
from gatewaysvc.routes import Match, Route
from gatewaysvc.ticket import take_ticket

_HEARTBEAT: Final = 20.0
_LARGEST_FRAME: Final = 256 * 1024
_RECONNECT_MS: Final = 1000
_OURS: Final = 4000
_SERVER_ERROR: Final = 500
_PROTOCOLS: Final = "Sec-WebSocket-Protocol"


def close_code(error: ServiceError) -> int:
    """The close code that tells of an error."""
    if error.code is StatusCode.UNAVAILABLE:
        return WSCloseCode.TRY_AGAIN_LATER
    status = http_status(error)
    return WSCloseCode.INTERNAL_ERROR if status >= _SERVER_ERROR else _OURS + status


class Conversations:
    """One route's WebSockets."""

    def __init__(self, route: Route, channel: grpc.aio.Channel) -> None:
        self._open: set[_Conversation] = set()
        self._leaving = False
        self._dialects: list[Frames] = [JsonFrames(route), ProtoFrames()]
        self._method: Any = channel.stream_stream(route.rpc)  # messages stay as they are: bytes

    def leave(self) -> None:
        """Ends them all, and those that begin from now on."""
        self._leaving = True
        for each in self._open:
            each.leave()

    async def answer(self, exchange: Exchange, _match: Match) -> WebSocketResponse:
        """Talks until either side ends it."""
        if query := take_ticket(exchange):
            problems = Problems()
            problems.add_unknown(
                query.partition("=")[0], None, hint="is not taken from a WebSocket's URL: send a frame"
            )
            problems.raise_if_any()
        frames, protocols = self._agreed(exchange)
        # No compression: a frame is small, and a connection's compressor takes 300 KB.
        socket = WebSocketResponse(
            protocols=protocols, heartbeat=_HEARTBEAT, max_msg_size=_LARGEST_FRAME, compress=False
        )
        socket.headers.update(exchange.headers)
        await socket.prepare(exchange.request)
        conversation = _Conversation(socket, self._method(), frames)
        if self._leaving:
            conversation.leave()
        self._open.add(conversation)
        try:
            with open_streams("websocket"):
                await conversation.run()
        finally:
            self._open.discard(conversation)
        return socket

    def _agreed(self, exchange: Exchange) -> tuple[Frames, tuple[str, ...]]:
        """The first dialect that the client offers and we speak."""
        offered = exchange.request.headers.get(_PROTOCOLS)
        if offered is None:
            return self._dialects[0], ()
        for each in offered.split(","):
            for frames in self._dialects:
                if each.strip() == frames.protocol:
                    return frames, (frames.protocol,)
        known = ", ".join(frames.protocol for frames in self._dialects)
        raise InvalidField.named(_PROTOCOLS, offered, f"must have one of {known}, or be left out")


class _Conversation:
    """A WebSocket and the call behind it.

    It costs one task beside the request's own, as many are open at the same time.
    """

    def __init__(self, socket: WebSocketResponse, call: Any, frames: Frames) -> None:
        self._socket = socket
        self._call = call
        self._frames: Any = frames
        self._left = False
        self._talk: asyncio.Timeout | None = None

    def leave(self) -> None:
        """Ends it; the client is told to come back."""
        self._left = True
        self._stop()

    async def run(self) -> None:
        """Until one of the two ends, or we leave."""
        speaking = asyncio.create_task(self._speak())
        speaking.add_done_callback(self._stop)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if self._left else None) as self._talk:
                    await self._listen()
        finally:
            self._talk = None
            speaking.cancel()
            self._call.cancel()
            await asyncio.wait((speaking,))
        if self._left:
            told = ConnectResponse(going_away=GoingAway(reconnect_after_ms=_RECONNECT_MS))
            await self._send(self._frames.frame(told.SerializeToString()))
            await self._socket.close(code=WSCloseCode.GOING_AWAY)
        elif not speaking.cancelled():
            await self._end(speaking.result())

    def _stop(self, _speaking: object = None) -> None:
        """Listens no more."""
        if self._talk is not None:
            self._talk.reschedule(0)
            self._talk = None

    async def _speak(self) -> ServiceError | None:
        """Passes on what the service says. Returns how it ended."""
        try:
            while (message := await self._call.read()) is not grpc.aio.EOF:
                await self._socket.send_frame(self._frames.frame(message), self._frames.kind)
        except ServiceError as error:
            return in_our_words(error)
        except ConnectionError:
            pass  # the client has gone; nobody is left to be told
        return None

    async def _listen(self) -> None:
        """Passes on what the client says, until it goes."""
        async for frame in self._socket:
            if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY) and frame.type is not self._frames.kind:
                spoken = self._frames.protocol.encode()
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"this is " + spoken)
            if frame.type is not self._frames.kind:
                return
            try:
                request = self._frames.request(frame.data)
            except Unreadable as unreadable:
                await self._send(self._frames.error(unreadable.error, unreadable.about))
                continue
            # Of a call that has ended `_speak` is about to find out how, and then nobody listens any more.
            with suppress(ServiceError, asyncio.InvalidStateError):
                await self._call.write(request)

    async def _send(self, frame: bytes) -> None:
        with suppress(ConnectionError):  # gone in the meantime
            await self._socket.send_frame(frame, self._frames.kind)

    async def _end(self, error: ServiceError | None) -> None:
        if error is None:
            await self._socket.close()
            return
        await self._send(self._frames.error(error))
        await self._socket.close(code=close_code(error), message=error.reason.encode())
