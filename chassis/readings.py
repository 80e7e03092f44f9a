"""Figures that are none of this process's own: read from a store every few seconds, and told only while they are fresh.

A gauge would go on telling what was last set after the store went away, or after another replica took over the reading.
What is not fresh here is not told at all, and an alert can see that.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chassis.errors import ServiceError

EVERY: Final = 5.0
_FRESH: Final = 3
"""So many times as long as it takes until the next one a reading is told."""
_log = structlog.get_logger("chassis.readings")


@dataclass(frozen=True, slots=True)
class Figure:
    """What a gauge is called and tells."""

    name: str
    text: str
    labels: tuple[str, ...] = ()

    def told(self, value: float, *labels: str) -> "Reading":
        """Its value at this moment."""
        return self, labels, value


Reading: TypeAlias = tuple[Figure, tuple[str, ...], float]


class Readings(Collector):
    """A worker, and what Prometheus is told of it."""

    def __init__(self, read: Callable[[], Awaitable[Iterable[Reading]]], every: float = EVERY) -> None:
        """`read` raises ServiceError when the store can't be reached; it returns nothing when others do the reading."""
        self._read = read
        self._every = every
        self._until = 0.0
        self._readings: list[Reading] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Reads until told to stop."""
        REGISTRY.register(self)
        try:
            while not stopping.is_set():
                try:
                    self._readings = list(await self._read())
                    self._until = time.monotonic() + _FRESH * self._every
                except ServiceError as error:
                    _log.warning("figures not read", error=str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._every):
                        await stopping.wait()
        finally:
            REGISTRY.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """What is fresh. Called by the thread that answers Prometheus."""
        readings = self._readings
        if time.monotonic() > self._until:
            return
        families: dict[Figure, GaugeMetricFamily] = {}
        for figure, labels, value in readings:
            if figure not in families:
                families[figure] = GaugeMetricFamily(figure.name, figure.text, labels=figure.labels)
            families[figure].add_metric(labels, value)
        yield from families.values()

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: else the registry would collect to find out."""
        return ()
