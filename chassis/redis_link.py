"""The way to Redis (or Valkey): a connection that comes back by itself.

While there is none, `wire` is None and nobody waits for it. A connection counts only once the server has shown who it
is and that it takes writes, and it is probed all the time: a frozen server is noticed before somebody needs it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chassis.redis_wire import Wire

_PROBE: Final = ("SET", "tb:probe", "1", "PX", "1000")
_PROBE_EVERY: Final = 0.25
_CONNECT_TIMEOUT: Final = 1.0
_BACKOFF: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
_RUN_ID: Final = re.compile(rb"run_id:(\w+)")

_log = structlog.get_logger("chassis.redis_link")


class Redis:
    """The way to the server: `wire` is the connection of this moment, None while there is none."""

    def __init__(self, url: str, scripts: Sequence[str] = ()) -> None:
        """Raises ValueError if the address is none of Redis'."""
        options: dict[str, Any] = dict(parse_url(url))
        self._connection_class: type[Connection] = options.pop("connection_class", Connection)
        # How long to wait, and whether to try again, is decided here and in the wire.
        self._options = options | {"protocol": 2, "socket_timeout": None, "retry": Retry(NoBackoff(), 0)}
        # A restarted server has forgotten its scripts, so each connection brings them.
        self._greeting: list[Sequence[str]] = [("SCRIPT", "LOAD", script) for script in scripts]
        self._greeting += [_PROBE, ("INFO", "server")]
        self.wire: Wire | None = None

    async def keep(self) -> None:
        """Connects, and again whenever the connection is lost, until cancelled."""
        failures = 0
        while True:
            try:
                async with self._connected() as wire:
                    failures = 0
                    self.wire = wire
                    await _watch(wire)
            except Exception as error:  # noqa: BLE001 - whatever it is, all goes on without Redis, and must know it
                if not isinstance(error, RedisError | OSError):
                    _log.exception("the way to redis is barred by something unforeseen")
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1
            finally:
                self.wire = None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Wire]:
        """A connection over which the greetings were exchanged. Raises RedisError or OSError if there is none."""
        connection = self._connection_class(**self._options)
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await connection.connect()  # type: ignore[no-untyped-call]  # the library forgot its return type
            wire = Wire(connection)
            exchange = asyncio.create_task(wire.exchange(), name="redis exchange")
            try:
                await self._greet(wire)
                yield wire
            finally:
                exchange.cancel()
                await asyncio.gather(exchange, return_exceptions=True)
        finally:
            await connection.disconnect(nowait=True)

    async def _greet(self, wire: Wire) -> None:
        *_, about = await asyncio.gather(*(wire.call(*command) for command in self._greeting))
        if not isinstance(about, bytes) or not (run_id := _RUN_ID.search(about)):
            raise RedisError("it does not say who it is")
        wire.server = run_id[1].decode()
        wire.since = asyncio.get_running_loop().time()


async def _watch(wire: Wire) -> None:
    """Returns when the connection is lost. An unanswered probe loses it."""
    while not wire.lost.is_set():
        wire.call(*_PROBE)
        # Not wait_for, which in Python 3.11 loses a cancellation that comes just when the connection is lost.
        with suppress(TimeoutError):
            async with asyncio.timeout(_PROBE_EVERY):
                await wire.lost.wait()


@asynccontextmanager
async def connect(url: str, scripts: Sequence[str] = ()) -> AsyncIterator[Redis]:
    """The way to the server, at once; it connects meanwhile. The scripts are loaded into each server that is met."""
    redis = Redis(url, scripts)
    async with asyncio.TaskGroup() as group:
        keeper = group.create_task(redis.keep(), name="redis")
        try:
            yield redis
        finally:
            keeper.cancel()
