"""Live events over plain HTTP: streams that go on from a cursor, and never end by themselves."""

from functools import lru_cache
from typing import Any, Final

from taskbell.events.v1.events_pb2 import Event

from chassis.errors import InvalidField
from gatewaysvc.event_wire import event_json
from gatewaysvc.exchange import Exchange
from gatewaysvc.server_stream import ServerStream
from gatewaysvc.stream_dialects import Dialect, Sse, accepted
from gatewaysvc.ticket import take_ticket

_REMEMBERED: Final = 512


class EventStream(ServerStream):
    """One route's streams of events."""

    def dialect(self, accept: str) -> Dialect:
        """Server-sent events have their cursor for an id."""
        kind = accepted(accept)
        return Sse(event_json, _head) if kind is Sse else kind(event_json)

    def query(self, exchange: Exchange) -> str:
        """A ticket in it is no parameter, but credentials."""
        return take_ticket(exchange)

    def prepare(self, exchange: Exchange, message: Any) -> None:
        """Takes over `Last-Event-ID`: newer than the cursor in the URL, with which a browser connects again."""
        last_seen = exchange.request.headers.get("Last-Event-ID")
        if last_seen:
            if not last_seen.isascii():
                raise InvalidField.named("Last-Event-ID", last_seen, "must be the id of an event")
            message.after = last_seen

    def farewell(self, _dialect: Dialect) -> bytes:
        """Nothing: whoever listens connects again with the last cursor, as after every end."""
        return b""


@lru_cache(_REMEMBERED)
def _head(event: bytes) -> bytes:
    read = Event.FromString(event)
    return f"id: {read.cursor}\nevent: {read.type}\n".encode()
