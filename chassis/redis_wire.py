"""One connection to Redis (or Valkey), shared by every caller of the process.

The package `redis` connects and speaks the protocol; it gives each call a connection of its own for as long as it
takes. Here the commands of one turn of the event loop are written together and answered in order, which is what makes
it fast. It never raises: a command without a good answer results in LOST. A server that is silent for `TIMEOUT`, or
answers with an error, is left at once, so that only those who were waiting have paid for it. What a silent server still
has in its buffers may be executed when it wakes: callers send only what is harmless then.
"""

import asyncio
import math
from collections import deque
from typing import Any, Final, Literal, TypeAlias

import structlog
from redis.asyncio.connection import Connection

TIMEOUT: Final = 0.15
"""Seconds of silence after which the server is taken for dead."""
_SECOND_LOOK: Final = 0.02

_log = structlog.get_logger("chassis.redis_wire")


class _Lost:
    """The answer that did not come."""

    def __repr__(self) -> str:
        return "LOST"

    def __bool__(self) -> Literal[False]:
        return False


LOST: Final = _Lost()
Reply: TypeAlias = bytes | int | list[Any] | _Lost | None


class Wire:
    """An open connection: alive until it is `lost`, and then replaced by another."""

    def __init__(self, connection: Connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._outgoing: list[bytes] = []
        self._wanted = asyncio.Event()
        self._waiting: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self.lost = asyncio.Event()
        self.server = ""
        """The server's run id: another one after each restart, known once the handshake is done."""
        self.since = 0.0
        """When the handshake was done (the loop's time)."""

    def call(self, *command: bytes | str | int) -> asyncio.Future[Reply]:
        """Sends a command with others of this turn; the future never fails."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        if self.lost.is_set():
            future.set_result(LOST)
            return future
        self._outgoing += self._connection.pack_command(*command)
        self._wanted.set()
        self._waiting.append((future, self._loop.time()))
        if self._watch is None:
            self._watch = self._loop.call_later(TIMEOUT, self._check, False)
        return future

    async def exchange(self) -> None:
        """Sends what is called and hands out the answers, until the connection is lost."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send())
                group.create_task(self._receive())
        except* Exception as errors:  # noqa: BLE001 - whatever it is, the connection is no good any more
            self.abandon(repr(errors.exceptions[0]))
        finally:
            self._end()

    def abandon(self, why: str) -> None:
        """Gives the connection up: whoever waits on it gets LOST now."""
        if not self.lost.is_set():
            _log.warning("redis is given up for now", why=why)
            self._end()

    async def _send(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            packed, self._outgoing = self._outgoing, []
            await self._connection.send_packed_command(packed, check_health=False)

    async def _receive(self) -> None:
        while True:
            reply = await self._connection.read_response(timeout=math.inf)
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_result(reply)

    def _check(self, again: bool) -> None:
        if not self._waiting:
            self._watch = None
            return
        left = self._waiting[0][1] + TIMEOUT - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._check, False)
        elif not again:
            # It may be this process that was held up, with the answer in the socket: read first, then judge.
            self._watch = self._loop.call_later(_SECOND_LOOK, self._check, True)
        else:
            self.abandon("no answer in time")

    def _end(self) -> None:
        self.lost.set()
        if self._watch is not None:
            self._watch.cancel()
        waiting, self._waiting = self._waiting, deque()
        for future, _ in waiting:
            if not future.done():
                future.set_result(LOST)
