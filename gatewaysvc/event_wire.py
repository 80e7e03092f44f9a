"""Events as they come over the wire: taken out of the messages around them unread, each written as JSON once.

Of an event that goes to a thousand sockets, a thousand messages bring the same bytes.
"""

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import ConnectResponse, Events

from chassis.errors import MalformedMessage
from gatewaysvc.to_json import to_json
from gatewaysvc.well_known import quoted

_REMEMBERED: Final = 512
_BATCHES: Final = 16
"""Of events that come together, as they go to many at the same time."""
_BYTES: Final = 2
"""The wire type of texts, bytes and messages."""
_EVENTS: Final = ConnectResponse.EVENTS_FIELD_NUMBER << 3 | _BYTES
_ID: Final = Events.ID_FIELD_NUMBER << 3 | _BYTES
_EVENT: Final = Events.EVENTS_FIELD_NUMBER << 3 | _BYTES


def response_json(message: bytes) -> bytes:
    """The JSON of a ConnectResponse."""
    if message[:1] != bytes((_EVENTS,)):
        return to_json(ConnectResponse.FromString(message)).encode()
    _, at = _varint(message, 1)
    name = b""
    if message[at : at + 1] == bytes((_ID,)):
        length, at = _varint(message, at + 1)
        name, at = message[at : at + length], at + length
    return _events_json(name, _list_json(message, at))


@lru_cache(_BATCHES)
def _events_json(name: bytes, events: bytes) -> bytes:
    """The JSON of an `events`; the same bytes for all who named their subscription alike, as pages do."""
    return b'{"events":{"id":%b,"events":[%b]}}' % (quoted(name.decode()).encode(), events)


_lists: deque[tuple[bytes, bytes]] = deque(maxlen=_BATCHES)


def _list_json(message: bytes, at: int) -> bytes:
    """The JSON of the events from there on, without the brackets."""
    size = len(message) - at
    for events, json in _lists:
        # Compared where they are: to cut them out and hash them would take longer than all else.
        if len(events) == size and message.endswith(events):
            return json
    events = message[at:]
    json = b",".join([event_json(value) for value in _events(events)])
    _lists.appendleft((events, json))
    return json


@lru_cache(_REMEMBERED)
def event_json(event: bytes) -> bytes:
    """The JSON of an event."""
    return to_json(Event.FromString(event)).encode()


def _events(message: bytes) -> Iterator[bytes]:
    """The values of a message that holds nothing but events."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag != _EVENT:
            raise MalformedMessage("The service tells something new, which this gateway can't read.")
        length, at = _varint(message, at)
        yield message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that another one follows
            return value, at
        shift += 7
