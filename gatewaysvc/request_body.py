"""The body of a request: as large as we take, and JSON."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiohttp.web import BaseRequest, HTTPRequestEntityTooLarge, RequestPayloadError

from chassis.errors import MalformedMessage, MessageTooLarge, RequestTooSlow, UnsupportedMediaType

PATIENCE: Final = 60.0
"""Seconds in which a body has to arrive: time enough for the largest at 0.6 Mbit/s."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""What a gRPC server takes as well."""
_ENCODINGS: Final = ("gzip", "deflate", "br", "zstd")
"""What aiohttp unpacks; the bytes of any other it would hand on as they came."""


async def read_body(request: BaseRequest, *, raw: bool = False, also: Sequence[str] = ()) -> bytes:
    """The body, or nothing; it must be JSON, or one of other types, unless it is taken raw. Raises ServiceError."""
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > MOST_BYTES:
        raise _too_large()
    encoding = request.headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", *_ENCODINGS):
        raise UnsupportedMediaType(f"Content-Encoding must be one of {', '.join(_ENCODINGS)}, not {encoding[:100]!a}.")
    if request.headers.get("Expect", "").lower() == "100-continue":
        # Before the size is known there is nothing to refuse; curl waits a second for this line.
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    try:
        async with asyncio.timeout(PATIENCE):
            body = await request.read()
    except HTTPRequestEntityTooLarge:
        raise _too_large() from None
    except RequestPayloadError:
        # Nothing more is to be read of it: aiohttp would meet the same error once more, and log it as ours.
        request.content.feed_eof()
        raise MalformedMessage(f"The body can't be unpacked: its bytes are no {encoding}.") from None
    except TimeoutError:
        raise RequestTooSlow(f"The body didn't arrive within {PATIENCE:g} seconds.") from None
    if body and not raw:
        _check_type(request, also)
    return body


def _check_type(request: BaseRequest, also: Sequence[str]) -> None:
    given = request.headers.get("Content-Type")
    kind = request.content_type
    json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    if given is not None and not json and kind not in also:
        allowed = " or ".join(("application/json", *also[:1]))
        raise UnsupportedMediaType(f"The body must be {allowed}, not {given[:100]!a}.")
    if request.charset is not None and request.charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"The body must be in UTF-8, not {request.charset[:100]!a}.")


def _too_large() -> MessageTooLarge:
    return MessageTooLarge(f"The body is larger than {MOST_BYTES // 2**20} MiB.")
