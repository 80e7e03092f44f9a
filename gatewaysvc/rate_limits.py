"""How often one caller may come: leaky buckets in memory (GCRA), a number for each caller.

A caller is a token or, without one, an address; all callers of an address share one large bucket. What asks for a
password, or for a link that was mailed, has a smaller one, by address. Each replica counts for itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chassis.errors import RateLimited
from gatewaysvc.client_address import Networks, client_address
from gatewaysvc.exchange import Exchange

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


CALLER: Final = Limit(burst=400, per_second=200)
ADDRESS: Final = Limit(burst=2000, per_second=1000)
PASSWORD: Final = Limit(burst=240, per_second=4)
PASSWORD_ROUTES: Final = frozenset(
    ("POST", path)
    for path in (
        *("/v1/sessions", "/v1/users"),
        *("/v1/users:requestPasswordReset", "/v1/users:resetPassword", "/v1/users:confirmEmail"),
    )
)


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

    def _forget(self, now: float) -> None:
        """Drops those whose bucket is empty; if that isn't half of them, whoever came first."""
        self._empty_at = {key: empty_at for key, empty_at in self._empty_at.items() if empty_at > now}
        for key in list(self._empty_at)[: max(len(self._empty_at) - _MOST_KNOWN // 2, 0)]:
            del self._empty_at[key]


class RateLimits:
    """The limits of this gateway, which may stand behind proxies."""

    def __init__(self, proxies: Networks = ()) -> None:
        self._proxies = proxies
        self._callers = Buckets(CALLER)
        self._addresses = Buckets(ADDRESS)
        self._passwords = Buckets(PASSWORD)

    def take(self, exchange: Exchange, route: tuple[str, str]) -> None:
        """Counts a call, and notes in its answer's headers what is left. Raises RateLimited."""
        address = client_address(exchange.request, self._proxies)
        # By its hash: whoever reads this memory finds no tokens.
        caller = hash(exchange.call.authorization) if exchange.call.authorization else address
        bucket = self._passwords.take(address) if route in PASSWORD_ROUTES else self._callers.take(caller)
        shared = self._addresses.take(address)
        quota = shared if shared.wait > bucket.wait else bucket
        exchange.headers["RateLimit-Limit"] = str(quota.limit)
        exchange.headers["RateLimit-Remaining"] = str(quota.remaining)
        exchange.headers["RateLimit-Reset"] = str(int(quota.reset) + 1)
        if quota.wait:
            raise RateLimited(
                f"Too many calls: at most {quota.limit} at once. Wait {quota.wait:.1f} seconds.", retry_after=quota.wait
            )
