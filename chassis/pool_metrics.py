"""How busy the pools of database connections are: for Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from prometheus_client import Gauge

if TYPE_CHECKING:
    from chassis.postgres import Pool

_CONNECTIONS: Final = Gauge(
    "taskbell_database_connections", "Connections to PostgreSQL, by pool and by what they do.", ["pool", "state"]
)
_MOST: Final = Gauge("taskbell_database_connections_max", "Connections that a pool may open.", ["pool"])


@contextmanager
def watched(pool: "Pool", name: str) -> Iterator[None]:
    """Tells of the pool while the block runs: asked when Prometheus asks, so that a call costs nothing."""
    _CONNECTIONS.labels(name, "idle").set_function(pool.get_idle_size)
    _CONNECTIONS.labels(name, "busy").set_function(lambda: pool.get_size() - pool.get_idle_size())
    _MOST.labels(name).set_function(pool.get_max_size)
    try:
        yield
    finally:
        for state in ("idle", "busy"):
            _CONNECTIONS.remove(name, state)
        _MOST.remove(name)
