"""A cache in Redis that never holds what is older than the last invalidation, whoever is paused or whatever is evicted.

An entry is a version and bytes. Readers and writers keep it right by two rules:

- A reader that finds nothing leaves a reservation, reads the database *after* that, and fills the entry only if its own
  reservation still stands (the leases of "Scaling Memcache at Facebook", NSDI 2013).
- A writer, after its commit, replaces an older entry by the newer one, and removes reservations: whoever reserved
  earlier may have read the old row. Where nothing stands it puts nothing: it can't know whether something newer was
  evicted.

So each entry comes from a read that began when no older value could come in any more, and only ever grows. How far that
can be believed when the server itself forgets, is cut off or returns from the dead is the caller's business: keys carry
an epoch.
"""

import asyncio
import hashlib
import itertools
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter

from chassis.redis_link import Redis
from chassis.redis_wire import LOST, Reply, Wire

TTL: Final = 3600_000
"""Milliseconds for which an entry stays."""
ABSENT_TTL: Final = 60_000
"""The same for the note that something is not there."""
_RESERVATION_TTL: Final = b"5000"

_VALUE, _ABSENT, _RESERVED = b"=", b"-", b"?"
_HEAD: Final = 17  # the kind, then the version in 16 digits

# Fills an entry if the reservation still stands.
FILL: Final = """\
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 end
return 0
"""
# Replaces an older entry and removes a reservation. 1: replaced, 0: nothing to do, -1: what stands there is newer.
RENEW: Final = """\
local found = redis.call('GET', KEYS[1])
if not found then return 0 end
if string.sub(found, 1, 1) == '?' then redis.call('DEL', KEYS[1]) return 0 end
local ahead = tonumber(string.sub(found, 2, 17)) - tonumber(string.sub(ARGV[1], 2, 17))
if ahead > 0 then return -1 elseif ahead == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
SCRIPTS: Final = (FILL, RENEW)
_FILL_SHA: Final = hashlib.sha1(FILL.encode()).hexdigest().encode()  # noqa: S324  # Redis names its scripts so
_RENEW_SHA: Final = hashlib.sha1(RENEW.encode()).hexdigest().encode()  # noqa: S324


def key_of(epoch: int, kind: str, key: str) -> bytes:
    """Where an entry stands. In a new epoch everything is empty."""
    return f"tb:{epoch}:{kind}:{key}".encode()


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found: a hit, or a miss that may be filled."""

    hit: bool
    entry: bytes | None = None
    """The bytes of a hit; None: it is known not to be there."""
    wire: Wire | None = None
    key: bytes = b""
    reservation: bytes = b""

    def fill(self, version: int, entry: bytes | None) -> None:
        """Puts what the database said, which was asked after the look. Nobody need wait for it."""
        if self.wire is None or not self.reservation:
            return
        if entry is None:
            value, ttl = _ABSENT + b"%016d" % version, ABSENT_TTL
        else:
            value, ttl = _VALUE + b"%016d" % version + entry, TTL
        self.wire.call(b"EVALSHA", _FILL_SHA, b"1", self.key, self.reservation, value, str(ttl))


MISS: Final = Found(hit=False)


@dataclass(slots=True)
class Look:
    """A question that is on its way, in one write with the others of this turn of the event loop."""

    wire: Wire
    key: bytes
    reservation: bytes
    reply: asyncio.Future[Reply]

    async def found(self) -> Found:
        """The entry, or a miss with a reservation."""
        reply = await self.reply
        if reply is None:
            return Found(hit=False, wire=self.wire, key=self.key, reservation=self.reservation)
        if not isinstance(reply, bytes) or reply[:1] == _RESERVED:
            return MISS
        return Found(hit=True, entry=reply[_HEAD:] if reply[:1] == _VALUE else None)


STALE: Final = Counter("taskbell_cache_stale_puts", "Puts refused because what was there is newer.")


class Cache:
    """Entries of one server, by epoch, kind and key. Trouble with it is a miss, or a change that was not made."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._mine = secrets.token_bytes(8)
        self._count = itertools.count()

    @property
    def server(self) -> str:
        """The run id of the server at the other end; empty while there is none."""
        wire = self._redis.wire
        return "" if wire is None or wire.lost.is_set() else wire.server

    def look(self, server: str, epoch: int, kind: str, key: str) -> Look | None:
        """Asks for an entry. A server other than the named one is not asked."""
        wire = self._redis.wire
        if wire is None or wire.server != server:
            return None
        name = key_of(epoch, kind, key)
        reservation = b"?%b%x" % (self._mine, next(self._count))
        # Gets the entry or, if there is none, leaves the reservation: one command, one round trip.
        reply = wire.call(b"SET", name, reservation, b"NX", b"GET", b"PX", _RESERVATION_TTL)
        return Look(wire, name, reservation, reply)

    async def renew(self, server: str, epoch: int, kind: str, entries: Mapping[str, tuple[int, bytes]]) -> bool:
        """Puts newer versions over older ones. Whether all of it was done for certain."""
        wire = self._redis.wire
        if wire is None or wire.server != server:
            return False
        replies = await asyncio.gather(
            *(
                wire.call(
                    b"EVALSHA",
                    _RENEW_SHA,
                    b"1",
                    key_of(epoch, kind, key),
                    _VALUE + b"%016d" % version + entry,
                    str(TTL),
                )
                for key, (version, entry) in entries.items()
            )
        )
        STALE.inc(replies.count(-1))
        return LOST not in replies

    async def drop(self, server: str, epoch: int, kind: str, keys: Collection[str]) -> bool:
        """Removes entries and reservations. Whether it was done for certain."""
        wire = self._redis.wire
        if wire is None or wire.server != server:
            return False
        return await wire.call(b"DEL", *(key_of(epoch, kind, key) for key in keys)) is not LOST
