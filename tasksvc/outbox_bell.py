"""Says at once that something waits in the outbox: to the relay here, or to the replica that owns the partition.

Nobody depends on it: an owner that hears nothing looks by itself before long.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from chassis.jetstream import Bus
from chassis.race import race

SUBJECT: Final = "taskbell.outbox.waiting"


class OutboxBell:
    """Rung after each commit that wrote events."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._rung = asyncio.Event()
        self._own: frozenset[int] = frozenset()
        self._others: set[int] = set()
        self._for_others = asyncio.Event()

    def ring(self, partitions: Iterable[int]) -> None:
        """Costs the caller nothing, whatever the bus does."""
        for partition in partitions:
            if partition in self._own:
                self._rung.set()
            else:
                self._others.add(partition)
                self._for_others.set()

    def ring_here(self, partition: int) -> None:
        """The same, as heard from another replica: nobody else is told."""
        if partition in self._own:
            self._rung.set()

    def owns(self, partitions: Iterable[int]) -> None:
        """Names the partitions that the relay of this process publishes now."""
        self._own = frozenset(partitions)
        self._rung.set()

    async def heard(self, patience: float) -> None:
        """Returns when it was rung for the relay of this process, at the latest after so many seconds."""
        # Not wait_for, which in Python 3.11 loses a cancellation that comes together with the bell.
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._rung.wait()
        self._rung.clear()

    async def run(self, stopping: asyncio.Event) -> None:
        """Carries the ring to other replicas."""
        while not stopping.is_set():
            await race(self._for_others.wait(), stopping.wait())
            self._for_others.clear()
            others, self._others = self._others, set()
            for partition in others:
                await self._bus.tell(f"{SUBJECT}.{partition}")
