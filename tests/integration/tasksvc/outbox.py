"""What was committed, held against what was published."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import asyncpg
from taskbell.events.v1.events_pb2 import Event

from chassis import jetstream, postgres
from chassis.jetstream import Bus
from chassis.postgres import Pool

EVENTUALLY = 30.0


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox in the database, the stream on the bus."""

    pool: Pool
    bus: Bus

    @classmethod
    @asynccontextmanager
    async def open(cls, database: str, nats_url: str) -> AsyncIterator[Self]:
        async with postgres.connect(database, "tasksvc", 2) as pool, jetstream.connect(nats_url) as bus:
            yield cls(pool, bus)

    async def committed(self) -> list[asyncpg.Record]:
        return await self.pool.fetch("SELECT * FROM events ORDER BY id")

    async def published(self) -> list[tuple[int, Event]]:
        """The stream's events, each with its sequence."""
        await self.bus.ready()
        extent = await self.bus.extent()
        found = [await self.bus.at(sequence) for sequence in range(max(extent.first, 1), extent.last + 1)]
        return [(stored.sequence, Event.FromString(stored.data)) for stored in found if stored]

    async def told_of(self, task_id: str) -> list[Event]:
        """What was published of a task, in the order of the stream, once nothing waits any more."""
        await self.emptied()
        return [event for _, event in await self.published() if event.task_id == task_id]

    async def emptied(self) -> None:
        """Returns when nothing waits any more."""
        async with asyncio.timeout(EVENTUALLY):
            while await self.pool.fetchval("SELECT count(*) FROM events WHERE stream_sequence IS NULL"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def healed(self, count: int) -> None:
        """Returns when so many events have been lost, found, and published again."""
        losses = "SELECT coalesce(sum(losses), 0) FROM events WHERE stream_sequence IS NOT NULL"
        async with asyncio.timeout(EVENTUALLY):
            while await self.pool.fetchval(losses) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def owners(self) -> Counter[str]:
        """How many partitions each replica owns at this moment."""
        rows = await self.pool.fetch(
            "SELECT owner FROM ownerships WHERE name LIKE 'relay/%' AND expire_time > clock_timestamp()"
        )
        return Counter(row["owner"] for row in rows)

    async def shared(self, *shares: int, within: float = 12) -> None:
        """Returns when so many replicas own so many partitions each."""
        async with asyncio.timeout(within):
            while sorted((await self.owners()).values()) != sorted(shares):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def check(self, late: Collection[str] = ()) -> None:
        """Everything that was committed is published once and marked with its place.

        Each task's events are in order, except for those that came late.
        """
        await self.emptied()
        committed, published = await self.committed(), await self.published()
        assert Counter(str(row["event_id"]) for row in committed) == Counter(event.event_id for _, event in published)
        versions: dict[str, list[int]] = defaultdict(list)
        for _, event in published:
            if event.task_id and event.event_id not in late:
                versions[event.task_id].append(event.task_version)
        for found in versions.values():
            assert found == sorted(found)
        places = {event.event_id: sequence for sequence, event in published}
        assert {str(row["event_id"]): row["stream_sequence"] for row in committed} == places
