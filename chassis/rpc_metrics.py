"""How many calls, how they ended, how long they took: for Prometheus."""

from typing import Final

from grpc import StatusCode
from prometheus_client import Counter, Gauge, Histogram

_REQUESTS: Final = Counter("taskbell_grpc_requests_total", "Calls that have ended.", ["method", "code"])
_DURATION: Final = Histogram(
    "taskbell_grpc_duration_seconds",
    "How long calls took.",
    ["method"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_STREAMS: Final = Gauge("taskbell_grpc_streams", "Streams that are open.", ["method"])


class MethodMetrics:
    """One method's figures, its labels resolved once."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._duration = _DURATION.labels(method)
        # INTERNAL from the start: the first failure of a series that wasn't there before would be no increase.
        self._ended = {code: _REQUESTS.labels(method, code.name) for code in (StatusCode.OK, StatusCode.INTERNAL)}
        self.streams = _STREAMS.labels(method)

    def record(self, code: StatusCode, seconds: float) -> None:
        """Counts a call that has ended."""
        ended = self._ended.get(code)
        if ended is None:
            ended = self._ended[code] = _REQUESTS.labels(self._method, code.name)
        ended.inc()
        self._duration.observe(seconds)
