"""How often one caller may come: leaky buckets (GCRA), by user, by address, and by what is asked for.

A caller is a user, with whichever tokens, or, as long as nobody knows whose a token is, an address; all callers of an
address share one large bucket. What asks for a password, or sends a mail to somebody, has a small one, by address. The
replicas of the gateway share the buckets in Redis; while that is away each of them counts for itself.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp.web import StreamResponse
from grpc import StatusCode

from chassis.address_block import address_block
from chassis.buckets import Limit
from chassis.errors import RateLimited, ServiceError
from chassis.proxies import Networks
from chassis.shared_buckets import SharedBuckets, Taken
from gatewaysvc.callers import Callers
from gatewaysvc.client_address import client_address
from gatewaysvc.exchange import Exchange
from gatewaysvc.routes import Match

Handler: TypeAlias = Callable[[Exchange, Match], Awaitable[StreamResponse]]

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


class RateLimits:
    """The limits of this gateway, which may stand behind proxies."""

    def __init__(self, callers: Callers, proxies: Networks = (), buckets: SharedBuckets | None = None) -> None:
        self._callers = callers
        self._proxies = proxies
        self._buckets = buckets or SharedBuckets()

    async def take(self, exchange: Exchange, route: tuple[str, str]) -> None:
        """Counts a call, and notes in its answer's headers what is left. Raises RateLimited."""
        address = address_block(client_address(exchange.request, self._proxies))
        user = self._callers.user_of(exchange.call.authorization)
        caller = f"u{user}" if user else f"a{address}"
        own = Taken(PASSWORD, f"p{address}") if route in PASSWORD_ROUTES else Taken(CALLER, caller)
        quotas = await self._buckets.take((own, Taken(ADDRESS, f"s{address}")))
        quota = max(quotas, key=lambda each: each.wait)  # of equals the caller's own
        exchange.headers["RateLimit-Limit"] = str(quota.limit)
        exchange.headers["RateLimit-Remaining"] = str(quota.remaining)
        exchange.headers["RateLimit-Reset"] = str(int(quota.reset) + 1)
        if quota.wait:
            raise RateLimited(
                f"Too many calls: at most {quota.limit} at once. Wait {quota.wait:.1f} seconds.", retry_after=quota.wait
            )

    def watched(self, handler: Handler) -> Handler:
        """The handler of calls that need credentials; how they end tells whether these are good."""

        async def answer(exchange: Exchange, match: Match) -> StreamResponse:
            credentials = exchange.call.authorization
            try:
                found = await handler(exchange, match)
            except ServiceError as error:
                if error.code is StatusCode.UNAUTHENTICATED:
                    self._callers.turned_away(credentials)
                raise
            self._callers.let_in(credentials)
            return found

        return answer
