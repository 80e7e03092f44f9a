"""A worker's line to the server: lost, it is made again, and goes on with what the worker holds."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from chassis.errors import ServiceError, TokenExpired
from cli.reconnect import passes, wait_before
from cli.sdk import queues
from cli.work.happenings import Connected, Listener, Lost
from cli.work.outbox import Outbox

if TYPE_CHECKING:
    from cli.client import Client


class Line:
    """Says what is in the outbox, and hands on what it hears."""

    def __init__(
        self,
        client: "Client",
        outbox: Outbox,
        *,
        hello: Callable[[], queues.WorkHello],
        hear: Callable[[queues.WorkResponse], None],
        tell: Listener,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._hello = hello
        self._hear = hear
        self._tell = tell
        self._failures = 0

    async def keep(self) -> None:
        """Until the outbox is closed. An error that waiting doesn't cure ends it."""
        while True:
            lost = await self._talk()
            if self._outbox.closed.is_set():
                return
            self._tell(lost)
            with suppress(TimeoutError):
                async with asyncio.timeout(lost.wait):
                    await self._outbox.closed.wait()
                    return

    async def _talk(self) -> Lost:
        """One stream, from its beginning to its end."""
        reason, asked = "the server has ended the stream", 0.0
        stream = cast(
            "AsyncGenerator[queues.WorkResponse]", self._client.queues.work(self._outbox.messages(self._hello))
        )
        try:
            async with aclosing(stream):
                async for heard in stream:
                    self._failures = 0
                    if heard.going_away is not None:
                        reason = "the server is leaving"
                        asked = (heard.going_away.reconnect_after or timedelta()).total_seconds()
                        break
                    if heard.welcome is not None:
                        self._tell(Connected())
                    elif heard.ping is not None:
                        self._outbox.pong()
                    else:
                        self._hear(heard)
        except TokenExpired as error:
            # The transport has a new token by now, if there is one.
            if self._failures:
                raise
            reason = error.message
        except ServiceError as error:
            if not passes(error):
                raise
            reason, asked = error.message, error.retry_after or 0.0
        finally:
            self._outbox.hang_up()
        self._failures += 1
        return Lost(reason, wait_before(self._failures, asked))
