"""Parts of messages in protobuf's wire format.

An event goes to many streams, in messages that differ in little: it is serialised once, and the messages are put
together from bytes. Fields may come in any order, and a message and more of its fields behind it are one message.
"""

from typing import Final

_VARINT: Final = 0
_BYTES: Final = 2


def number_field(number: int, value: int) -> bytes:
    """A field that holds a number or an enum's value."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def bytes_field(number: int, *parts: bytes) -> bytes:
    """A field that holds a text, bytes or a message, of these parts."""
    return b"".join((_varint(number << 3 | _BYTES), _varint(sum(map(len, parts))), *parts))


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
