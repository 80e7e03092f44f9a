"""The two dialects of a WebSocket: the client chooses one by its subprotocol, and JSON if it names none."""

import json
from typing import Any, TypeAlias

from aiohttp import WSMsgType
from google.protobuf.message_factory import GetMessageClass
from taskbell.notifications.v1.notifications_pb2 import ConnectResponse, Error

from chassis.errors import MalformedJson, ServiceError
from gatewaysvc import from_json
from gatewaysvc.event_wire import response_json
from gatewaysvc.routes import Route
from gatewaysvc.to_json import to_json


class Unreadable(Exception):
    """A frame that is no message: why, and what it seems to be about."""

    def __init__(self, error: ServiceError, about: str) -> None:
        super().__init__(error.message)
        self.error = error
        self.about = about


class JsonFrames:
    """Text frames, each the JSON of one message."""

    protocol = "taskbell.v1+json"
    kind = WSMsgType.TEXT

    def __init__(self, route: Route) -> None:
        self._request: Any = GetMessageClass(route.method.input_type)
        self._response: Any = GetMessageClass(route.method.output_type)

    def request(self, frame: str) -> bytes:
        """What the client says. Raises Unreadable."""
        said: dict[str, Any] = {}
        request = self._request()
        try:
            said = _parse(frame)
            from_json.read(said, request)
        except ServiceError as error:
            raise Unreadable(error, _name(said)) from error
        serialised: bytes = request.SerializeToString()
        return serialised

    def frame(self, message: bytes) -> bytes:
        """What the service says."""
        if self._response is ConnectResponse:
            return response_json(message)
        return to_json(self._response.FromString(message)).encode()

    def error(self, error: ServiceError, about: str = "") -> bytes:
        """What we say ourselves."""
        told = {"error": {"id": about, "code": error.reason, "message": error.message}}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


class ProtoFrames:
    """Binary frames, each one message in protobuf: passed on as they are."""

    protocol = "taskbell.v1+proto"
    kind = WSMsgType.BINARY

    def request(self, frame: bytes) -> bytes:
        """What the client says; the service answers what it can't read."""
        return frame

    def frame(self, message: bytes) -> bytes:
        """What the service says."""
        return message

    def error(self, error: ServiceError, about: str = "") -> bytes:
        """What we say ourselves."""
        told = ConnectResponse(error=Error(id=about, code=error.reason, message=error.message))
        return told.SerializeToString()


Frames: TypeAlias = JsonFrames | ProtoFrames


def _parse(text: str) -> dict[str, Any]:
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise MalformedJson("The frame is not UTF-8.") from None
    value = from_json.parse(encoded)
    if not isinstance(value, dict):
        raise MalformedJson(f"A frame must be a JSON object, not {from_json.shown(value)}.")
    return value


def _name(said: dict[str, Any]) -> str:
    """The subscription that a frame is about, as far as it can be read."""
    inner = next(iter(said.values()), None)
    name = inner.get("id") if isinstance(inner, dict) else None
    return from_json.unicode(name) if isinstance(name, str) else ""
