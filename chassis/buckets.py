"""Leaky buckets in memory (GCRA, the generic cell rate algorithm): a number for each key."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MOST_KNOWN: Final = 100_000
_ROUNDING: Final = 1e-3
"""Of what floating point loses of a call."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls at once, and after that so many a second."""

    burst: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left to a caller."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of it is there again."""
    wait: float
    """Seconds until a call is let through; 0 if this one was."""


class Buckets:
    """Everybody's bucket of one limit."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._interval = 1 / limit.per_second
        self._size = limit.burst * self._interval
        self._clock = clock
        self._empty_at: dict[object, float] = {}

    def take(self, key: object) -> Quota:
        """Lets a call through, or says how long to wait."""
        now = self._clock()
        empty_at = max(self._empty_at.get(key, now), now) + self._interval
        wait = empty_at - now - self._size
        if wait > 0:
            return Quota(self._limit.burst, 0, empty_at - self._interval - now, wait)
        if len(self._empty_at) >= _MOST_KNOWN:
            self._forget(now)
        self._empty_at[key] = empty_at
        remaining = int((self._size - (empty_at - now)) / self._interval + _ROUNDING)
        return Quota(self._limit.burst, remaining, empty_at - now, 0)

    def give_back(self, key: object) -> None:
        """Undoes a call that was let through."""
        empty_at = self._empty_at.get(key)
        if empty_at is not None:
            self._empty_at[key] = empty_at - self._interval

    def _forget(self, now: float) -> None:
        """Drops those whose bucket is empty; if that isn't half of them, whoever came first."""
        self._empty_at = {key: empty_at for key, empty_at in self._empty_at.items() if empty_at > now}
        for key in list(self._empty_at)[: max(len(self._empty_at) - _MOST_KNOWN // 2, 0)]:
            del self._empty_at[key]
