"""When a lost stream is worth another try, and how long to wait before it."""

import random
from typing import Final

from grpc import StatusCode

from chassis.errors import ServiceError

_PASSING: Final = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.UNKNOWN,
        StatusCode.INTERNAL,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.CANCELLED,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.ABORTED,
    }
)
_LONGEST_WAIT: Final = 10.0


def passes(error: ServiceError) -> bool:
    """Whether waiting may cure it."""
    return error.code in _PASSING


def wait_before(failures: int, asked: float) -> float:
    """Seconds before the next try after so many failures in a row: as asked for at least, and never all at once."""
    backoff = min(0.1 * 2**failures, _LONGEST_WAIT) if failures > 1 else 0.0
    return max(asked, backoff) * random.uniform(1, 2)  # noqa: S311 - spreads clients, keeps no secret
