"""Pages of a list (AIP-158): how many, and where the next one begins."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Any, Final

from google.protobuf.message import Message

from chassis.errors import InvalidPageToken

DEFAULT_SIZE: Final = 50
MOST: Final = 1000
_DIGEST: Final = 8


def page_size(asked: int) -> int:
    """How many to return: 50 when not said, never more than 1,000."""
    return min(asked, MOST) if asked > 0 else DEFAULT_SIZE


def encode(position: Any, request: Message) -> str:
    """A token for the page after `position`, which is anything that JSON can tell; good for requests like this only."""
    text = json.dumps(position, separators=(",", ":"), ensure_ascii=False).encode()
    return urlsafe_b64encode(_digest(text, request) + text).decode().rstrip("=")


def decode(token: str, request: Message) -> Any:
    """The position that the token was made from; InvalidPageToken if it was made for other fields, or not by us."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise invalid(token, "is not a page token") from None
    digest, text = raw[:_DIGEST], raw[_DIGEST:]
    if digest != _digest(text, request):
        raise invalid(token, "was not made for a request with these fields")
    return json.loads(text)


def _digest(position: bytes, request: Message) -> bytes:
    """Ties a position to the request's other fields; `page_size` may change from page to page."""
    rest = type(request)()
    rest.CopyFrom(request)
    for field in ("page_token", "page_size"):
        rest.ClearField(field)
    digest = blake2b(rest.SerializeToString(deterministic=True), digest_size=_DIGEST)
    digest.update(position)
    return digest.digest()


def invalid(token: str, why: str) -> InvalidPageToken:
    """What is told of a token that can't be used."""
    return InvalidPageToken(
        f"page_token {token[:40]!r} {why}: use next_page_token of the answer before, with all other fields unchanged."
    )
