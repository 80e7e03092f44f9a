"""One connection to Redis (or Valkey), shared by every caller of the process.

The commands of one turn of the event loop are written together and answered in order, which is what makes it fast. It
never raises: a command without a good answer results in LOST. A server that is silent for `TIMEOUT`, or answers with an
error, is left at once, so that only those who were waiting have paid for it. What a silent server still has in its
buffers may be executed when it wakes: callers send only what is harmless then.
"""

import asyncio
from collections import deque
from typing import Any, Final, Literal, TypeAlias, cast

import hiredis
import structlog

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
_UNFINISHED: Final = object()


class Wire(asyncio.Protocol):
    """One connection: alive until it is `lost`, and then replaced by another."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_UNFINISHED)
        self._outgoing: list[bytes] = []
        self._waiting: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()
        self.server = ""
        """The server's run id: another one after each restart, known once the handshake is done."""
        self.since = 0.0
        """When the handshake was done (the loop's time)."""

    def call(self, *command: bytes | str | int) -> asyncio.Future[Reply]:
        """Sends a command with others of this turn; the future never fails."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        if self._transport is None or self.lost.is_set():
            future.set_result(LOST)
            return future
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub names a tuple of one
        self._waiting.append((future, self._loop.time()))
        if self._watch is None:
            self._watch = self._loop.call_later(TIMEOUT, self._check, False)
        return future

    def abandon(self, why: str) -> None:
        """Gives the connection up: whoever waits on it gets LOST now."""
        if self._transport is not None and not self.lost.is_set():
            _log.warning("redis is given up for now", why=why)
            self._transport.abort()
            self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The protocol's start."""
        # create_connection makes no other; uvloop's is one in all but its base class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answers, in the order of the commands."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _UNFINISHED:
                if isinstance(reply, hiredis.ReplyError):
                    self.abandon(str(reply))
                    return
                future, _ = self._waiting.popleft()
                if not future.done():
                    future.set_result(reply)
        except (hiredis.ProtocolError, IndexError) as error:
            self.abandon(repr(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """The protocol's end."""
        if not self.lost.is_set():
            _log.warning("redis hung up", error=repr(exc))
            self._end()

    def _flush(self) -> None:
        if self._transport is not None and not self.lost.is_set():
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

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
