"""Leaky buckets in Redis, which every replica of the gateway takes from (GCRA, as those in memory)."""

from collections.abc import Sequence
from hashlib import sha1
from typing import Final, NamedTuple

from chassis.redis_link import Redis
from chassis.redis_wire import LOST
from gatewaysvc.buckets import Limit, Quota

TAKE: Final = """
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
_SHA: Final = sha1(TAKE.encode(), usedforsecurity=False).hexdigest()
_PREFIX: Final = "tb:limit:"
_MICRO: Final = 1e6


class Taken(NamedTuple):
    """From which bucket of which limit a call takes."""

    limit: Limit
    key: str


class SharedBuckets:
    """Everybody's buckets of all limits."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def take(self, taken: Sequence[Taken]) -> list[Quota] | None:
        """What is left in each, one of them perhaps with how long to wait; None while Redis is away."""
        wire = self._redis.wire
        if wire is None:
            return None
        keys = [_PREFIX + each.key for each in taken]
        figures = [part for each in taken for part in (round(_MICRO / each.limit.per_second), each.limit.burst)]
        reply = await wire.call("EVALSHA", _SHA, len(keys), *keys, *figures)
        if reply is LOST or not isinstance(reply, list):
            return None
        return [
            Quota(limit.burst, remaining, reset / _MICRO, wait / _MICRO)
            for (limit, _), (remaining, reset, wait) in zip(taken, reply, strict=True)
        ]
