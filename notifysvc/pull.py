"""A pull consumer of JetStream whose messages are taken as they come.

nats-py's own `fetch` waits for a full batch, or for its timeout, once the first message has come; here one is had at
once.
"""

import asyncio
import json
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis.jetstream import STREAM

HEARTBEAT: Final = 1.0
_PATIENCE: Final = 2.5 * HEARTBEAT
_EXPIRES: Final = 30.0
_NANOSECONDS: Final = 1_000_000_000


class Pull:
    """Asks for one batch after the other, and holds at most one."""

    def __init__(self, client: Client, consumer: str, batch: int, *, acknowledges: bool) -> None:
        self._client = client
        self._acknowledges = acknowledges
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"
        self._batch = batch
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._here: deque[Msg] = deque()
        self._came = asyncio.Event()
        self._outstanding = 0
        self._asked = 0.0
        self._heard = time.monotonic()

    async def __aenter__(self) -> Self:
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._receive)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._subscription is None or self._client.is_closed:
            return
        if self._acknowledges and self._client.is_connected:
            # Others can have at once what nobody here will look at, and not when its time for an answer is over.
            await self._subscription.drain()  # type: ignore[no-untyped-call]  # nats-py forgot it
            for message in self._here:
                await message.nak()
        else:
            await self._subscription.unsubscribe()

    @property
    def silence(self) -> float:
        """Seconds since the consumer was last heard of; one that is there beats every second."""
        return time.monotonic() - self._heard

    async def take(self, patience: float) -> list[Msg]:
        """What has come, and at least one message unless none comes in `patience` seconds."""
        deadline = time.monotonic() + patience
        while not self._here:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return []
            await self._ask()
            self._came.clear()
            try:
                async with asyncio.timeout(min(remaining, HEARTBEAT)):
                    await self._came.wait()
            except TimeoutError:
                continue
        messages = list(self._here)
        self._here.clear()
        if not self._acknowledges and not self._outstanding:
            await self._ask()  # the next ones come while these are passed on
        return messages

    async def _ask(self) -> None:
        now = time.monotonic()
        if self._outstanding and now - max(self._asked, self._heard) < _PATIENCE:
            return
        # Either the batch is complete, or the server forgot it: a request doesn't outlive its connection.
        self._outstanding = self._batch
        self._asked = now
        request = {
            "batch": self._batch,
            "expires": int(_EXPIRES * _NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT * _NANOSECONDS),
        }
        await self._client.publish(self._next, json.dumps(request).encode(), self._inbox)

    async def _receive(self, message: Msg) -> None:
        status = message.headers.get("Status") if message.headers else None
        if status == "503":
            return  # nobody is there: `_ask` asks again after its patience
        self._heard = time.monotonic()
        if status is None or message.reply:
            self._outstanding = max(0, self._outstanding - 1)
            self._here.append(message)
            self._came.set()
        elif status != "100":
            self._outstanding = 0  # 404, 408 and 409 end the request
