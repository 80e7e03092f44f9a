"""Whether the cache may be believed at this moment: one row in PostgreSQL that every replica reads ten times a second.

The row says under which epoch, on which Redis server (its run id), and whether at all. Why no read is then older than
the last acknowledged write, whatever Redis does, with LEASE < SETTLING and each time taken on the own monotonic clock:

1. A reader uses an entry only if, at that moment, its view says "trusted" and was asked for within LEASE, the row has
   been as it is for SETTLING since this process saw it first, and the connection is to the server that the row names.
   Otherwise it reads PostgreSQL.
2. A writer answers only if, after its commit, one of these held under a view that was asked for within LEASE:
   a) trusted: it has renewed the entry under that epoch on that server;
   b) untrusted; then it waits until it has seen it so for SETTLING. If it could not renew the entry, it makes the row
      untrusted itself, with a new epoch.
3. Only an untrusted row that was seen for SETTLING is made trusted, under a new epoch again, which is empty.

- Same epoch: entries come from reads that began after the renewal (chassis.cache) or are at least as new as it.
- The writer's view is older than the reader's epoch: that epoch began after the writer asked, so nobody reserved an
  entry in it before the writer's LEASE had ended, which was after its commit: what fills it was read after that commit.
- The writer's view is newer than the reader's epoch: a trusted row follows an untrusted one that stood for SETTLING,
  and an untrusted one lets the writer answer after SETTLING only: by then each view of the older epoch is past its
  LEASE.
- A process that is frozen (SIGSTOP) between its last check and its answer does no harm: the read, or the wait of the
  writer, was right when it was checked, and only becomes later.
- A put that a frozen Redis executes when it wakes, or one by a process that was frozen, goes to an epoch that is over,
  or meets the rules of chassis.cache. What a restarted Redis brings back from its disk belongs to a server that the row
  does not name.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

import structlog
from prometheus_client import Gauge

from chassis.errors import ServiceError
from chassis.postgres import Pool
from chassis.redis_link import Redis
from tasksvc.statements import SQL

LEASE: Final = 0.4
SETTLING: Final = 0.5
"""Longer than LEASE by more than two clocks can drift apart in that time."""
_POLL: Final = 0.1
CALM: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds for which Redis must have been well before it is trusted again: more if it was trusted in vain."""
_IN_VAIN: Final = 30.0

_TRUSTED: Final = Gauge("taskbell_cache_trusted", "Whether this process may believe the cache: 1 or 0.")
_log = structlog.get_logger("tasksvc.cache_trust")


@dataclass(frozen=True, slots=True)
class View:
    """What the row said; when it was last asked, and when it was first seen to say so."""

    epoch: int
    trusted: bool
    server: str
    asked: float
    seen: float

    @property
    def fresh(self) -> bool:
        """Whether no other view can have been acted upon before this one's question."""
        return monotonic() - self.asked < LEASE

    @property
    def unsettled(self) -> float:
        """Seconds until every process knows of it, or doesn't trust what it knows."""
        return self.seen + SETTLING - monotonic()


class CacheTrust:
    """The process' view of the row, and its part in changing it."""

    def __init__(self, pool: Pool, redis: Redis, calm: Sequence[float] = CALM) -> None:
        self._pool = pool
        self._redis = redis
        self._calm = calm
        self._asking = asyncio.Lock()
        self._view: View | None = None
        self._in_vain = 0

    @property
    def believed(self) -> View | None:
        """The epoch and the server whose entries may be used at this moment; None: read the database."""
        view = self._view
        return view if view is not None and view.trusted and view.fresh and view.unsettled <= 0 else None

    async def view(self, since: float) -> View:
        """A view that is fresh, or asked for after that moment. Raises Unavailable when PostgreSQL doesn't answer."""
        while True:
            view = self._view
            if view is not None and (view.fresh or view.asked > since):
                return view
            async with self._asking:
                if self._view is view:
                    await self._ask(SQL["see_cache_trust"])

    async def distrust(self, epoch: int) -> None:
        """Ends an epoch, unless somebody did so before."""
        _log.warning("cache not trusted any more", epoch=epoch)
        await self._ask(SQL["distrust_cache"], epoch)

    async def run(self, stopping: asyncio.Event) -> None:
        """Keeps the view fresh; trusts the cache again when Redis is well."""
        while not stopping.is_set():
            try:
                await self._ask(SQL["see_cache_trust"])
                await self._judge()
            except ServiceError as error:
                _log.warning("cache trust unknown", error=str(error))
            _TRUSTED.set(self.believed is not None)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _POLL)

    async def _ask(self, statement: str, *args: object) -> None:
        asked = monotonic()
        row = await self._pool.fetchrow(statement, *args)
        if row is None:  # a change that came too late
            asked = monotonic()
            row = await self._pool.fetchrow(SQL["see_cache_trust"])
        assert row is not None  # noqa: S101  # the migration puts it there
        before = self._view
        if before is None or row["epoch"] > before.epoch:
            self._view = View(row["epoch"], row["trusted"], row["server"], asked, seen=monotonic())
            if before is not None and not row["trusted"]:
                brief = not before.trusted or monotonic() - before.seen < _IN_VAIN
                self._in_vain = self._in_vain + 1 if brief else 0
        elif row["epoch"] == before.epoch:
            self._view = replace(before, asked=max(asked, before.asked))
        # A late answer with an older epoch says nothing.

    async def _judge(self) -> None:
        """Trusts a server that has been well for a while; distrusts one that we know to be another now."""
        view, wire = self._view, self._redis.wire
        calm = self._calm[min(self._in_vain, len(self._calm) - 1)]
        if view is None or wire is None or asyncio.get_running_loop().time() - wire.since < calm:
            return
        if view.trusted and view.server != wire.server:
            await self.distrust(view.epoch)
        elif not view.trusted and -view.unsettled >= calm - SETTLING:
            _log.info("cache trusted again", epoch=view.epoch + 1)
            await self._ask(SQL["trust_cache"], view.epoch, wire.server)
