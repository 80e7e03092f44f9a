"""How many requests, how they ended, how long they took: for Prometheus."""

from contextlib import AbstractContextManager
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_REQUESTS: Final = Counter("taskbell_http_requests_total", "Requests that have ended.", ["route", "method", "status"])
_DURATION: Final = Histogram(
    "taskbell_http_duration_seconds",
    "How long requests took; streams as long as they lasted.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
_IN_FLIGHT: Final = Gauge("taskbell_http_requests_in_flight", "Requests that have not ended, streams among them.")
_STREAMS: Final = Gauge("taskbell_http_streams", "Streams that are open.", ["dialect"])
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"))


class HttpMetrics:
    """The figures, their labels resolved once."""

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str, int], Counter] = {}
        self._durations: dict[str, Histogram] = {}

    def in_flight(self) -> AbstractContextManager[object]:
        """Counts a request as long as the block runs."""
        return _IN_FLIGHT.track_inprogress()

    def record(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request that has ended. 499 is one whose client went away."""
        if method not in _METHODS:
            method = "other"  # clients may make methods up, without end
        key = (route, method, status)
        ended = self._ended.get(key)
        if ended is None:
            ended = self._ended[key] = _REQUESTS.labels(route, method, status)
        ended.inc()
        duration = self._durations.get(route)
        if duration is None:
            duration = self._durations[route] = _DURATION.labels(route)
        duration.observe(seconds)


def open_streams(dialect: str) -> AbstractContextManager[object]:
    """Counts a stream as long as the block runs."""
    return _STREAMS.labels(dialect).track_inprogress()
