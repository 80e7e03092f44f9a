"""The cache with its trust: reads as new as the last acknowledged write, and nobody hears of Redis' trouble."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from time import monotonic
from typing import Final

from prometheus_client import Counter

from chassis.cache import MISS, Cache, Found
from tasksvc.cache_trust import CacheTrust, View

_HITS: Final = Counter("taskbell_cache_hits", "Reads that the cache answered.", ["kind"])
_MISSES: Final = Counter("taskbell_cache_misses", "Reads that went to the database.", ["kind"])


class TrustedCache:
    """Entries by kind and key. See tasksvc.cache_trust for why they may be believed."""

    def __init__(self, cache: Cache, trust: CacheTrust) -> None:
        self._cache = cache
        self._trust = trust

    async def look(self, kind: str, key: str) -> Found:
        """A hit, or a miss: then read the database, and `fill` what it said."""
        view = self._trust.believed
        if view is None:
            _MISSES.labels(kind).inc()
            return MISS
        found = await self._cache.look(view.server, view.epoch, kind, key)
        # Believed when it is used, not when it was asked for: this process may have been frozen in between.
        if found.hit and ((now := self._trust.believed) is None or now.epoch != view.epoch):
            found = MISS
        (_HITS if found.hit else _MISSES).labels(kind).inc()
        return found

    async def renew(self, kind: str, entries: Mapping[str, tuple[int, bytes]]) -> None:
        """After a commit, before its answer: from now on nobody reads versions older than these.

        Raises Unavailable if PostgreSQL went away meanwhile; the commit stands, but must not be acknowledged yet.
        """
        if entries:
            await self._settle(lambda view: self._cache.renew(view.server, view.epoch, kind, entries))

    async def drop(self, kind: str, keys: Collection[str]) -> None:
        """The same for entries that are to be read from the database again."""
        if keys:
            await self._settle(lambda view: self._cache.drop(view.server, view.epoch, kind, keys))

    async def _settle(self, change: Callable[[View], Awaitable[bool]]) -> None:
        begun = monotonic()
        changed_under = 0
        while True:
            view = await self._trust.view(since=begun)
            if not view.trusted:
                # By then older epochs are over. Later ones are none of ours: what fills them is read after our commit.
                await asyncio.sleep(max(view.unsettled, 0))
                return
            if view.epoch == changed_under:
                return
            if await change(view):
                changed_under = view.epoch
            else:
                await self._trust.distrust(view.epoch)
