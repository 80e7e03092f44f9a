"""The handler `webhook`: tells a program elsewhere by HTTP, signed after Standard Webhooks."""

import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict

from tasksvc.handlers import AttemptFailed, GiveUp, Job, RetryLater
from tasksvc.webhook_secrets import WebhookSecrets
from tasksvc.workers.public_address import is_public
from tasksvc.workers.webhook_payload import Delivery, read_delivery

NAME: Final = "webhook"
_PATIENCE: Final = aiohttp.ClientTimeout(total=20, sock_connect=10)
_HEAD: Final = 1024
"""Bytes of the answer that are kept."""
_LONGEST_PAUSE: Final = 86400
_SUCCESS: Final = range(200, 300)
_REFUSED: Final = "the address is not one of the public internet"


class AddressRefused(OSError):
    """The address is one of somebody's own network."""


class Webhook:
    """Makes the requests."""

    def __init__(self, session: aiohttp.ClientSession, secrets: WebhookSecrets) -> None:
        self._session = session
        self._secrets = secrets

    async def handle(self, job: Job) -> Mapping[str, Any]:
        """Delivers it: the result is the answer's status and the beginning of its body."""
        delivery = read_delivery(job.payload)
        try:
            async with self._session.post(
                delivery.url, data=delivery.body, headers=self._headers(job, delivery), allow_redirects=False
            ) as response:
                said = await _head(response)
        except TimeoutError:
            raise AttemptFailed(f"{_host(delivery)} did not answer within {_PATIENCE.total:g} s.") from None
        except aiohttp.InvalidURL as error:
            raise GiveUp(f"payload.url: {error}") from None
        except aiohttp.ClientError as error:
            if _refused(error):
                raise GiveUp(f"payload.url: {_host(delivery)} can't be called: {_REFUSED}") from None
            raise AttemptFailed(f"{_host(delivery)} could not be reached: {error}") from None
        if response.status not in _SUCCESS:
            raise _failure(delivery, response, said)
        return {"status": response.status, "body": said}

    def _headers(self, job: Job, delivery: Delivery) -> Mapping[str, str]:
        now = int(time.time())
        headers = CIMultiDict({"Content-Type": "application/json"})
        headers.update(delivery.headers)
        # The same id with each attempt: who got it, and could not say so in time, recognises it.
        headers["webhook-id"] = job.task_id
        headers["webhook-timestamp"] = str(now)
        headers["webhook-signature"] = self._secrets.signature(job.project_id, job.task_id, now, delivery.body)
        return headers


@asynccontextmanager
async def outgoing(*, allow_private: bool) -> AsyncIterator[aiohttp.ClientSession]:
    """Requests to the internet; not to private networks, unless that is allowed."""
    connector = aiohttp.TCPConnector(
        limit=0,  # handlers have a limit of their own
        force_close=True,  # a POST on a connection that the other side closes just now is not repeated
        use_dns_cache=False,
        socket_factory=None if allow_private else _public_socket,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=_PATIENCE,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Taskbell", "Accept-Encoding": "identity"},
        auto_decompress=False,  # a kilobyte can be made to unpack to a gigabyte
    ) as session:
        yield session


def _public_socket(
    info: tuple[int, int, int, str, tuple[Any, ...]],
) -> socket.socket:
    """A socket for just this address, which the name (if it was one) has been resolved to: nobody resolves it again."""
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        raise AddressRefused(_REFUSED)
    return socket.socket(family, kind, protocol)


def _refused(error: aiohttp.ClientError) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressRefused)


async def _head(response: aiohttp.ClientResponse) -> str:
    """The beginning of the body, as far as it comes in time: the status has said already how it went."""
    head = b""
    with suppress(TimeoutError, aiohttp.ClientError):
        while len(head) < _HEAD and (chunk := await response.content.read(_HEAD - len(head))):
            head += chunk
    response.close()  # the rest is not read
    return head.decode(errors="replace").replace("\0", "")


def _failure(delivery: Delivery, response: aiohttp.ClientResponse, said: str) -> AttemptFailed:
    answer = f"{_host(delivery)} answered {response.status} {response.reason or ''}".rstrip()
    text = f"{answer}: {said}" if said else f"{answer}."
    if response.status == HTTPStatus.GONE:
        return GiveUp(text)
    pause = retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC))
    return AttemptFailed(text) if pause is None else RetryLater(pause, text)


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds to wait as the header (RFC 9110, 10.2.3) says, a day at most; None if it doesn't say."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), _LONGEST_PAUSE))
    try:
        time = parsedate_to_datetime(text)
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return min(max((time - now).total_seconds(), 0.0), float(_LONGEST_PAUSE))


def _host(delivery: Delivery) -> str:
    return delivery.url.host or ""
