"""The cache with its trust: reads as new as the last acknowledged write, and nobody hears of Redis' trouble."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from prometheus_client import Counter

from chassis.cache import MISS, Cache, Found, Look
from tasksvc.cache_trust import CacheTrust, View

_HITS: Final = Counter("taskbell_cache_hits", "Reads that the cache answered.", ["kind"])
_MISSES: Final = Counter("taskbell_cache_misses", "Reads that went to the database.", ["kind"])


@dataclass(slots=True)
class TrustedLook:
    """A question that is on its way, and the view under which it was asked."""

    trust: CacheTrust
    view: View | None
    kind: str
    look: Look | None

    async def found(self) -> Found:
        """A hit, or a miss: then read the database, and `fill` what it said."""
        found = MISS if self.look is None else await self.look.found()
        # Believed when it is used, not when it was asked for: this process may have been frozen in between.
        if found.hit and ((now := self.trust.believed) is None or self.view is None or now.epoch != self.view.epoch):
            found = MISS
        (_HITS if found.hit else _MISSES).labels(self.kind).inc()
        return found


class TrustedCache:
    """Entries by kind and key. See tasksvc.cache_trust for why they may be believed."""

    def __init__(self, cache: Cache, trust: CacheTrust) -> None:
        self._cache = cache
        self._trust = trust

    def look(self, kind: str, key: str) -> "TrustedLook":
        """Asks for an entry; what was found is told later."""
        view = self._trust.believed
        look = None if view is None else self._cache.look(view.server, view.epoch, kind, key)
        return TrustedLook(self._trust, view, kind, look)

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
