"""How the messages of a stream look over plain HTTP: NDJSON, server-sent events, or one JSON array.

An error that ends a stream is its last line `{"error": ...}`, its last event `error`, or the array's last element
`{"error": ...}`: whoever reads to the end knows whether it is the end.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from chassis.errors import ServiceError, to_status
from gatewaysvc.negotiation import best
from gatewaysvc.to_json import to_json

SSE: Final = "text/event-stream"
NDJSON: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
"""Its names; the first is ours."""
_RETRY_MS: Final = 2000
Writer = Callable[[bytes], bytes]
"""Makes JSON (or what stands before it) of a message as it came over the wire."""


class Dialect(Protocol):
    """One stream's way of telling."""

    name: str
    content_type: str
    beginning: bytes
    keep_alive: bytes
    """Shows that a quiet stream lives, where it can be told apart from a message."""

    def item(self, message: bytes) -> bytes:
        """A message, which comes as it was on the wire."""

    def failure(self, error: ServiceError) -> bytes:
        """That there are no more messages, and why."""

    def end(self) -> bytes:
        """The very last bytes."""


class Ndjson:
    """A message a line."""

    name = "ndjson"
    content_type = NDJSON[0]
    beginning = b""
    keep_alive = b""

    def __init__(self, write: Writer) -> None:
        self._write = write

    def item(self, message: bytes) -> bytes:
        """A line."""
        return b"%b\n" % self._write(message)

    def failure(self, error: ServiceError) -> bytes:
        """The last line."""
        return f'{{"error":{to_json(to_status(error))}}}\n'.encode()

    def end(self) -> bytes:
        """Nothing more."""
        return b""


class Sse:
    """Server-sent events, as the HTML standard has them."""

    name = "sse"
    content_type = f"{SSE}; charset=utf-8"
    beginning = f"retry: {_RETRY_MS}\n\n".encode()
    keep_alive = b": still here\n\n"

    def __init__(self, write: Writer, head: Writer | None = None) -> None:
        """`head` gives the lines before a message's data, such as `id: 7`, each with its line end."""
        self._write = write
        self._head = head

    def item(self, message: bytes) -> bytes:
        """An event; JSON has no line ends."""
        head = self._head(message) if self._head is not None else b""
        return b"%bdata: %b\n\n" % (head, self._write(message))

    def failure(self, error: ServiceError) -> bytes:
        """The last event."""
        return f"event: error\ndata: {to_json(to_status(error))}\n\n".encode()

    def end(self) -> bytes:
        """Nothing more."""
        return b""


class JsonArray:
    """One JSON array, an element a line."""

    name = "array"
    content_type = "application/json"
    beginning = b"["
    keep_alive = b""

    def __init__(self, write: Writer) -> None:
        self._write = write
        self._between = b"\n"

    def item(self, message: bytes) -> bytes:
        """An element."""
        return self._element(self._write(message))

    def failure(self, error: ServiceError) -> bytes:
        """The last element."""
        return self._element(f'{{"error":{to_json(to_status(error))}}}'.encode())

    def end(self) -> bytes:
        """The bracket."""
        return b"\n]\n"

    def _element(self, text: bytes) -> bytes:
        between, self._between = self._between, b",\n"
        return between + text


_OFFERS: Final[Mapping[str, type[Ndjson | Sse | JsonArray]]] = {
    **dict.fromkeys(NDJSON, Ndjson),
    SSE: Sse,
    "application/json": JsonArray,
}


def accepted(accept: str) -> type[Ndjson | Sse | JsonArray]:
    """The dialect that a client asks for; NDJSON for whoever asks for nothing that there is."""
    return _OFFERS[best(accept, _OFFERS) or NDJSON[0]]
