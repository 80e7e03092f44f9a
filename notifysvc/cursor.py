"""The cursor: a place in the event stream that any replica can go on from, opaque to clients.

Besides the sequence it holds which stream it is of, and a trace of what was put there. A stream that was lost and made
anew, or that lost its newest events, with a power cut or for an older copy, and has others under the same numbers now,
is told apart by them.
"""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final, Self
from zlib import crc32

from chassis.errors import InvalidCursor

_LAYOUT: Final = struct.Struct(">IQI")
_PADDING: Final = "=="  # of 16 bytes in base64


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything up to and with `sequence` is seen."""

    stream: int
    sequence: int
    trace: int = 0
    """`trace_of` what is at that place; 0 if it isn't known."""

    def __str__(self) -> str:
        return urlsafe_b64encode(_LAYOUT.pack(self.stream, self.sequence, self.trace)).decode().removesuffix(_PADDING)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads one that a client gives back. Raises InvalidCursor."""
        try:
            cursor = cls(*_LAYOUT.unpack(urlsafe_b64decode(text + _PADDING)))
        except (binascii.Error, struct.error, ValueError):
            raise invalid(text) from None
        if str(cursor) != text:
            raise invalid(text)
        return cursor


def invalid(text: str) -> InvalidCursor:
    """The refusal of a cursor that isn't of this stream."""
    return InvalidCursor(f"{text[:64]!r} is not a cursor of this event stream: list again, and subscribe without one.")


def trace_of(event_id: str, stored: int) -> int:
    """What a cursor remembers of the event that it stands at, and of when it was stored there, in microseconds.

    Of both: an event that is published again may come to its old place, while those before it come to others.
    """
    return crc32(f"{event_id}/{stored}".encode()) or 1
