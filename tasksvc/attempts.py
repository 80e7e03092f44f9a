"""How often an account may be tried: guesses at its password, and mails with a link to a new one.

A wrong password takes from two leaky buckets: that of the name at the address it came from, and that of the name, so
that many addresses are of little help to a guesser. Nor can a guesser keep the owner out: where the owner has signed in
before, only the first of them counts, and any bucket has room again within seconds. What takes is the name as it is
given, whether or not anybody has it: so nobody learns who does.

All replicas count together, in Redis; while it is away each of them counts for itself.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Final

from chassis.address_block import address_block
from chassis.buckets import Limit
from chassis.errors import LoginFailed, RateLimited
from chassis.redis_link import Redis
from chassis.shared_buckets import SharedBuckets, Taken

AT_AN_ADDRESS: Final = Limit(burst=10, per_second=1 / 30)
ANYWHERE: Final = Limit(burst=50, per_second=1 / 15)
MAILS: Final = Limit(burst=10, per_second=1 / 600)
_KNOWN: Final = "tb:signed-in:"
_KNOWN_FOR: Final = 30 * 86400


class Attempts:
    """The limits of names, which may be switched off."""

    def __init__(self, redis: Redis, *, limited: bool = True) -> None:
        self._redis = redis
        self._buckets = SharedBuckets(redis)
        self._limited = limited

    @asynccontextmanager
    async def log_in(self, name: str, address: str) -> AsyncIterator[None]:
        """Around an attempt to log in, which takes nothing unless it raises LoginFailed. Raises RateLimited."""
        if not self._limited:
            yield
            return
        place = _hash(name, address_block(address))
        taken = [Taken(AT_AN_ADDRESS, f"g{place}")]
        if not await self._knows(place):
            taken.append(Taken(ANYWHERE, f"n{_hash(name)}"))
        # Ahead of the outcome: else as many as come at once would all be let through.
        await self._take(taken, "There were too many wrong passwords for this name.")
        try:
            yield
        except Exception as error:
            if not isinstance(error, LoginFailed):
                await self._buckets.give_back(taken)
            raise
        await self._buckets.give_back(taken)
        await self._remember(place)

    async def mail(self, address: str) -> None:
        """Ahead of a mail that anybody may ask for. Raises RateLimited."""
        if self._limited:
            taken = [Taken(MAILS, f"m{_hash(address)}")]
            await self._take(taken, "Links were asked for too often with this address: look into its mailbox.")

    async def _take(self, taken: list[Taken], why: str) -> None:
        wait, limit = max((quota.wait, quota.limit) for quota in await self._buckets.take(taken))
        if wait:
            raise RateLimited(
                f"{why} Wait {math.ceil(wait)} seconds.", retry_after=wait, metadata={"limit": str(limit)}
            )

    async def _knows(self, place: str) -> bool:
        wire = self._redis.wire
        return wire is not None and await wire.call("EXISTS", _KNOWN + place) == 1

    async def _remember(self, place: str) -> None:
        if (wire := self._redis.wire) is not None:
            await wire.call("SET", _KNOWN + place, 1, "EX", _KNOWN_FOR)


def _hash(*parts: str) -> str:
    """Whoever reads what is in Redis finds neither names nor addresses."""
    return blake2b("\0".join(parts).lower().encode(), digest_size=16).hexdigest()
