"""Which web pages of other origins may call from a browser (the Fetch standard's CORS protocol)."""

from typing import Final

from gatewaysvc.exchange import Exchange, add_vary

_REQUEST_HEADERS: Final = (
    "Authorization, Content-Type, Grpc-Timeout, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, "
    "Traceparent, Tracestate, X-Request-Id"
)
_ANSWER_HEADERS: Final = "ETag, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
_SECONDS_TO_REMEMBER: Final = "600"


class Cors:
    """The origins that were let in by the settings."""

    def __init__(self, origins: str) -> None:
        self._origins = frozenset(origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip())

    def apply(self, exchange: Exchange) -> None:
        """Tells the browser that the page may read the answer, if it may."""
        if not self._origins:
            return
        origin = exchange.request.headers.get("Origin", "")
        add_vary(exchange.headers, "Origin")
        if origin and ("*" in self._origins or origin in self._origins):
            exchange.headers["Access-Control-Allow-Origin"] = origin
            exchange.headers["Access-Control-Expose-Headers"] = _ANSWER_HEADERS

    def apply_preflight(self, exchange: Exchange, allowed: str) -> None:
        """Tells the browser what the page may send."""
        if "Access-Control-Allow-Origin" in exchange.headers:
            exchange.headers["Access-Control-Allow-Methods"] = allowed
            exchange.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
            exchange.headers["Access-Control-Max-Age"] = _SECONDS_TO_REMEMBER
