"""Leaky buckets in Redis, which every replica of a service takes from (GCRA, as those in memory)."""

from collections.abc import Sequence
from hashlib import sha1
from typing import Final, NamedTuple

from chassis.buckets import Buckets, Limit, Quota
from chassis.redis_link import Redis
from chassis.redis_wire import LOST, Wire

_TAKE: Final = """
-- A call takes from each bucket (KEYS), of an interval in microseconds and a burst (ARGV, two by two), or from none.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local empty, found, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  empty[i] = math.max(tonumber(redis.call('GET', key)) or now, now) + interval
  local wait = empty[i] - now - interval * burst
  if wait > 0 then
    refused = true
    found[i] = {0, empty[i] - interval - now, wait}
  else
    found[i] = {math.floor(-wait / interval), empty[i] - now, 0}
  end
end
if not refused then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', empty[i]), 'PX', math.ceil((empty[i] - now) / 1000))
  end
end
return found
"""
_GIVE_BACK: Final = """
-- What a call has taken from each bucket (KEYS), of an interval in microseconds (ARGV), is there again.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for i, key in ipairs(KEYS) do
  local empty = (tonumber(redis.call('GET', key)) or now) - tonumber(ARGV[i])
  if empty > now then
    redis.call('SET', key, string.format('%.0f', empty), 'PX', math.ceil((empty - now) / 1000))
  else
    redis.call('DEL', key)
  end
end
"""
SCRIPTS: Final = (_TAKE, _GIVE_BACK)
"""What the connection is to bring."""
_TAKE_SHA, _GIVE_BACK_SHA = (sha1(script.encode(), usedforsecurity=False).hexdigest() for script in SCRIPTS)
_PREFIX: Final = "tb:limit:"
_MICRO: Final = 1e6


class Taken(NamedTuple):
    """From which bucket of which limit a call takes."""

    limit: Limit
    key: str


class SharedBuckets:
    """Everybody's buckets of all limits; without Redis, or while it is away, this process counts for itself."""

    def __init__(self, redis: Redis | None = None) -> None:
        self._redis = redis
        self._own: dict[Limit, Buckets] = {}

    async def take(self, taken: Sequence[Taken]) -> Sequence[Quota]:
        """What is left in each. If one of them says how long to wait, nothing was taken."""
        wire = self._wire
        if wire is None:
            return self._take_here(taken)
        keys = [_PREFIX + each.key for each in taken]
        figures = [part for each in taken for part in (_interval(each.limit), each.limit.burst)]
        reply = await wire.call("EVALSHA", _TAKE_SHA, len(keys), *keys, *figures)
        if reply is LOST or not isinstance(reply, list):
            return self._take_here(taken)
        return [
            Quota(limit.burst, remaining, reset / _MICRO, wait / _MICRO)
            for (limit, _), (remaining, reset, wait) in zip(taken, reply, strict=True)
        ]

    async def give_back(self, taken: Sequence[Taken]) -> None:
        """Undoes a take that was let through."""
        wire = self._wire
        if wire is None:
            for limit, key in taken:
                self._here(limit).give_back(key)
            return
        keys = [_PREFIX + each.key for each in taken]
        await wire.call("EVALSHA", _GIVE_BACK_SHA, len(keys), *keys, *(_interval(each.limit) for each in taken))

    @property
    def _wire(self) -> Wire | None:
        return None if self._redis is None else self._redis.wire

    def _take_here(self, taken: Sequence[Taken]) -> Sequence[Quota]:
        quotas = [self._here(limit).take(key) for limit, key in taken]
        if any(quota.wait for quota in quotas):
            for (limit, key), quota in zip(taken, quotas, strict=True):
                if not quota.wait:
                    self._here(limit).give_back(key)
        return quotas

    def _here(self, limit: Limit) -> Buckets:
        if limit not in self._own:
            self._own[limit] = Buckets(limit)
        return self._own[limit]


def _interval(limit: Limit) -> int:
    return round(_MICRO / limit.per_second)
