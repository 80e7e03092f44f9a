"""Pages of a list (AIP-158): how many, and where the next one begins."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from chassis.errors import InvalidPageToken

DEFAULT_SIZE: Final = 50
MOST: Final = 1000
_DIGEST: Final = 8
Position = TypeVar("Position")


def page_size(asked: int) -> int:
    """How many to return: 50 when not said, never more than 1,000."""
    return min(asked, MOST) if asked > 0 else DEFAULT_SIZE


def encode(position: Any, request: Message) -> str:
    """A token for the page after `position`, which is anything that JSON can tell; good for requests like this only."""
    text = json.dumps(position, separators=(",", ":"), ensure_ascii=False).encode()
    return urlsafe_b64encode(_digest(text, request) + text).decode().rstrip("=")


def decode(token: str, request: Message, read: Callable[[Any], Position]) -> Position:
    """The position that the token was made from; InvalidPageToken if it was made for other fields, or not by us.

    The digest is no secret: `read` makes a position of its JSON, and raises ValueError of anything else.
    """
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _invalid(token, "is not a page token") from None
    digest, text = raw[:_DIGEST], raw[_DIGEST:]
    if digest != _digest(text, request):
        raise _invalid(token, "was not made for a request with these fields")
    try:
        return read(json.loads(text))
    except (ValueError, OverflowError, RecursionError):
        raise _invalid(token, "was made by another version of Taskbell") from None


def _digest(position: bytes, request: Message) -> bytes:
    """Ties a position to the request's other fields; `page_size` may change from page to page."""
    rest = type(request)()
    rest.CopyFrom(request)
    for field in ("page_token", "page_size"):
        rest.ClearField(field)
    digest = blake2b(rest.SerializeToString(deterministic=True), digest_size=_DIGEST)
    digest.update(position)
    return digest.digest()


def _invalid(token: str, why: str) -> InvalidPageToken:
    return InvalidPageToken(
        f"page_token {token[:40]!r} {why}: use next_page_token of the answer before, with all other fields unchanged."
    )
