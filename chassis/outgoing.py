"""HTTP requests to programs elsewhere, whose addresses somebody else has given.

They go to the internet, not to private networks; no redirect is followed, nothing is waited for very long, and of an
answer only the beginning is read.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from chassis.foreign_text import storable
from chassis.public_address import is_public
from chassis.service_error import shortened

PATIENCE: Final = 20.0
"""Seconds that an answer may take."""
_CONNECTING: Final = 10.0
_LONGEST_URL: Final = 2048
_HEAD: Final = 1024
"""Bytes of the answer that are kept."""
_LONGEST_PAUSE: Final = 86400
_SUCCESS: Final = range(200, 300)
_REFUSED: Final = "the address is not one of the public internet"


class AddressRefused(OSError):
    """The address is one of somebody's own network."""


class NotAnswered(Exception):
    """No answer came; the text says why, for whoever gave the address."""


class NotCallable(NotAnswered):
    """The address can't be called at all, now or later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    host: str
    status: int
    phrase: str
    said: str
    """The beginning of its body."""
    retry_after: float | None
    """The seconds that it asks to wait, a day at most."""

    @property
    def succeeded(self) -> bool:
        """Whether it was taken."""
        return self.status in _SUCCESS

    @property
    def gone(self) -> bool:
        """Whether nothing more is to be sent there."""
        return self.status == HTTPStatus.GONE

    def __str__(self) -> str:
        answer = f"{self.host} answered {self.status} {self.phrase}".rstrip()
        return f"{answer}: {self.said}" if self.said else f"{answer}."


@asynccontextmanager
async def outgoing(*, allow_private: bool) -> AsyncIterator[aiohttp.ClientSession]:
    """Requests to the internet; not to private networks, unless that is allowed."""
    connector = aiohttp.TCPConnector(
        limit=0,  # whoever calls has a limit of their own
        force_close=True,  # a POST on a connection that the other side closes just now is not repeated
        use_dns_cache=False,
        socket_factory=None if allow_private else _public_socket,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Taskbell", "Accept-Encoding": "identity"},
        auto_decompress=False,  # a kilobyte can be made to unpack to a gigabyte
    ) as session:
        yield session


async def post(
    session: aiohttp.ClientSession, url: URL, body: bytes, headers: Mapping[str, str], *, patience: float = PATIENCE
) -> Answer:
    """Sends it, once. Raises NotAnswered, NotCallable."""
    host = url.host or ""
    timeout = aiohttp.ClientTimeout(total=patience, sock_connect=min(_CONNECTING, patience))
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False, timeout=timeout) as response:
            said = await _head(response)
    except TimeoutError:
        raise NotAnswered(f"{host} did not answer within {patience:g} s.") from None
    except aiohttp.InvalidURL as error:
        raise NotCallable(storable(str(error))) from None
    except aiohttp.ClientError as error:
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressRefused):
            raise NotCallable(f"{host} can't be called: {_REFUSED}") from None
        raise NotAnswered(storable(f"{host} could not be reached: {error}")) from None
    pause = retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC))
    return Answer(host, response.status, storable(response.reason or ""), said, pause)


def http_url(text: object) -> URL:
    """An address that can be called. Raises ValueError, which names the value and what is allowed."""
    if not isinstance(text, str) or len(text) > _LONGEST_URL:
        raise _wrong(text, f"must be an http or https address of at most {_LONGEST_URL} characters")
    try:
        url = URL(text)
        usable = url.scheme in {"http", "https"} and bool(url.host) and bool(url.port)
    except ValueError:
        usable = False
    if not usable:
        raise _wrong(text, "must be an http or https address such as https://example.com/hooks/1")
    if url.user is not None or url.password is not None:
        raise ValueError("must not have a username or password")
    return url


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds to wait as the header (RFC 9110, 10.2.3) says, a day at most; None if it doesn't say."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), _LONGEST_PAUSE))
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return min(max((time - now).total_seconds(), 0.0), float(_LONGEST_PAUSE))


def _public_socket(
    info: tuple[int, int, int, str, tuple[Any, ...]],
) -> socket.socket:
    """A socket for just this address, which the name (if it was one) has been resolved to: nobody resolves it again."""
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        raise AddressRefused(_REFUSED)
    return socket.socket(family, kind, protocol)


async def _head(response: aiohttp.ClientResponse) -> str:
    """The beginning of the body, as far as it comes in time: the status has said already how it went."""
    head = b""
    with suppress(TimeoutError, aiohttp.ClientError):
        while len(head) < _HEAD and (chunk := await response.content.read(_HEAD - len(head))):
            head += chunk
    response.close()  # the rest is not read
    return storable(head.decode(errors="replace"))


def _wrong(value: object, problem: str) -> ValueError:
    return ValueError(f"{shortened(repr(value), 120)} {problem}")
