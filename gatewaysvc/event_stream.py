"""Live events over plain HTTP: streams that go on from a cursor, and never end by themselves."""

from typing import Any

from google.protobuf.message import Message

from chassis.errors import InvalidField
from gatewaysvc.exchange import Exchange
from gatewaysvc.server_stream import ServerStream
from gatewaysvc.stream_dialects import Dialect, Sse, accepted


class EventStream(ServerStream):
    """One route's streams of events."""

    def dialect(self, accept: str) -> Dialect:
        """Server-sent events have their cursor for an id."""
        kind = accepted(accept)
        return Sse(self.write, _head) if kind is Sse else kind(self.write)

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


def _head(event: Message) -> str:
    told: Any = event
    return f"id: {told.cursor}\nevent: {told.type}\n"
