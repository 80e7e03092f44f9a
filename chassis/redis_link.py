"""The way to Redis (or Valkey): a connection that comes back by itself.

While there is none, `wire` is None and nobody waits for it. A connection counts only once the server has shown who it
is and that it takes writes, and it is probed all the time: a frozen server is noticed before somebody needs it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import unquote, urlsplit

from chassis.redis_wire import Wire

_PROBE: Final = ("SET", "tb:probe", "1", "PX", "1000")
_PROBE_EVERY: Final = 0.25
_CONNECT_TIMEOUT: Final = 1.0
_BACKOFF: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
_RUN_ID: Final = re.compile(rb"run_id:(\w+)")


class Redis:
    """The way to the server: `wire` is the connection of this moment, None while there is none."""

    def __init__(self, url: str, scripts: Sequence[str] = ()) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
            raise ValueError(f"not a redis:// or rediss:// address: {url!r}")
        self._host = parts.hostname
        self._port = parts.port or 6379
        self._tls = True if parts.scheme == "rediss" else None
        # A restarted server has forgotten its scripts, so each connection brings them.
        self._greeting: list[Sequence[str]] = [("SCRIPT", "LOAD", script) for script in scripts]
        self._greeting += [_PROBE, ("INFO", "server")]
        if database := parts.path.strip("/"):
            self._greeting.insert(0, ("SELECT", database))
        if parts.password:
            self._greeting.insert(0, ("AUTH", unquote(parts.username or "default"), unquote(parts.password)))
        self.wire: Wire | None = None

    async def keep(self) -> None:
        """Connects, and again whenever the connection is lost, until cancelled."""
        failures = 0
        while True:
            wire = await self._open()
            if wire is None:
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1
                continue
            failures = 0
            self.wire = wire
            try:
                await _watch(wire)
            finally:
                self.wire = None
                wire.abandon("this process stops")

    async def _open(self) -> Wire | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                _, wire = await loop.create_connection(Wire, self._host, self._port, ssl=self._tls)
        except OSError:
            return None
        try:
            *_, about = await asyncio.gather(*(wire.call(*command) for command in self._greeting))
        except asyncio.CancelledError:
            wire.abandon("this process stops")
            raise
        if not isinstance(about, bytes) or not (run_id := _RUN_ID.search(about)):
            wire.abandon("it does not say who it is")
            return None
        wire.server = run_id[1].decode()
        wire.since = loop.time()
        return wire


async def _watch(wire: Wire) -> None:
    """Returns when the connection is lost. An unanswered probe loses it."""
    while not wire.lost.is_set():
        wire.call(*_PROBE)
        try:
            await asyncio.wait_for(wire.lost.wait(), _PROBE_EVERY)
        except TimeoutError:
            continue


@asynccontextmanager
async def connect(url: str, scripts: Sequence[str] = ()) -> AsyncIterator[Redis]:
    """The way to the server, at once; it connects meanwhile. The scripts are loaded into each server that is met."""
    redis = Redis(url, scripts)
    keeper = asyncio.create_task(redis.keep(), name="redis")
    try:
        yield redis
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
