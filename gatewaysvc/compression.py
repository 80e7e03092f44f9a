"""Answers in fewer bytes, in the coding that the client likes best: zstd, brotli or gzip.

Small answers stay as they are, and so do streams: what is compressed waits for what follows it. The ETag stays the
same, too: it names the version of a resource, not its bytes.
"""

import asyncio
import gzip
import sys
from functools import lru_cache
from typing import Final

import brotli
from aiohttp.web import Response, StreamResponse

from gatewaysvc.exchange import Exchange, add_vary
from gatewaysvc.negotiation import best

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CODINGS: Final = ("zstd", "br", "gzip", "identity")
"""The quickest first, of those that a client likes alike."""
_SMALLEST: Final = 1400
"""What goes into one packet anyway."""
_LARGE: Final = 256 * 1024
"""Takes long enough to keep others waiting: done in a thread."""
_TEXTS: Final = ("application/json", "application/manifest+json", "image/svg+xml")


async def compressed(exchange: Exchange, answer: StreamResponse) -> StreamResponse:
    """The answer as it goes out. What everybody gets is compressed once, and well."""
    if not isinstance(answer, Response) or not isinstance(answer.body, bytes) or len(answer.body) < _SMALLEST:
        return answer
    if not (answer.content_type in _TEXTS or answer.content_type.startswith("text/")):
        return answer
    add_vary(answer.headers, "Accept-Encoding")
    coding = best(exchange.request.headers.get("Accept-Encoding", ""), _CODINGS)
    if coding in (None, "identity"):
        return answer
    shrink = _kept if exchange.everybodys else _shrunk
    if len(answer.body) < _LARGE:
        answer.body = shrink(answer.body, coding)
    else:
        answer.body = await asyncio.to_thread(shrink, answer.body, coding)
    answer.headers["Content-Encoding"] = coding
    return answer


def _shrunk(body: bytes, coding: str) -> bytes:
    return _coded(body, coding, zstd_level=1, brotli_quality=4, gzip_level=4)


@lru_cache(256)
def _kept(body: bytes, coding: str) -> bytes:
    return _coded(body, coding, zstd_level=12, brotli_quality=9, gzip_level=9)


def _coded(body: bytes, coding: str, *, zstd_level: int, brotli_quality: int, gzip_level: int) -> bytes:
    if coding == "zstd":
        return zstd.compress(body, level=zstd_level)
    if coding == "br":
        packed: bytes = brotli.compress(body, quality=brotli_quality)
        return packed
    return gzip.compress(body, compresslevel=gzip_level, mtime=0)
