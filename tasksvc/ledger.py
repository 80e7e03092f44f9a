"""The outbox as a ledger: what the stream has lost is found, and waits again.

A NATS server writes to the page cache and flushes to the disk every two minutes: killed, it loses nothing, but in a
power cut the end of the stream. It then gives the same sequences to what is published next; and so it does when
somebody brings back an older copy of its folder. A broken block of its files, or somebody's hand, takes messages out of
the middle or off the beginning.

Nothing is read that need not be. The server itself counts what is missing in the middle, and lists it if there is any.
For an end that is lost, the newest event of a partition is looked for in its place, and others at ever longer distances
before it: a few dozen messages, however long the stream is. Only where one of them isn't, all are compared, from the
newest back to those that are where they should be.
"""

import asyncio
from collections.abc import Collection, Sequence
from time import monotonic
from typing import Final

import asyncpg
import structlog
from prometheus_client import Counter

from chassis.jetstream import MAX_AGE, Bus, Extent
from chassis.postgres import Pool
from tasksvc.statements import SQL

_CHUNK: Final = 100
_THOROUGH: Final = 60.0
_EARLY: Final = MAX_AGE - 3600.0
"""An event that is younger can't have left the stream with age, whatever the clocks say."""
_LOST: Final = Counter(
    "taskbell_outbox_lost_events", "Published events that the stream had lost, found and published again."
)
_log = structlog.get_logger("tasksvc.ledger")


class Ledger:
    """What was published, held against what the stream holds."""

    def __init__(self, pool: Pool, bus: Bus) -> None:
        self._pool = pool
        self._bus = bus
        self._seen: Extent | None = None
        self._reviewed: frozenset[int] = frozenset()
        self._thorough = 0.0

    async def review(self, partitions: Collection[int]) -> None:
        """Looks whether the stream has changed in a way that publishing doesn't explain; every minute checks anyway."""
        extent, seen, now = await self._bus.extent(), self._seen, monotonic()
        if seen is None or self._reviewed != frozenset(partitions) or now - self._thorough > _THOROUGH:
            await self.check(partitions)
            self._reviewed, self._thorough = frozenset(partitions), now
        else:
            self._found(
                middle=await self._check_middle(partitions) if extent.missing != seen.missing else 0,
                end=await self._check_end(partitions) if extent.last < seen.last else 0,
                beginning=await self._check_beginning(partitions) if extent.first != seen.first else 0,
            )
        self._seen = extent

    async def check(self, partitions: Collection[int]) -> int:
        """Makes the events of these partitions wait that the stream has lost; how many."""
        return self._found(
            middle=await self._check_middle(partitions),
            end=await self._check_end(partitions),
            beginning=await self._check_beginning(partitions),
        )

    def _found(self, **counts: int) -> int:
        if count := sum(counts.values()):
            _LOST.inc(count)
            _log.warning("the stream has lost events, which are published again", count=count, **counts)
        return count

    async def _check_middle(self, partitions: Collection[int]) -> int:
        """What was taken out, and left its number empty."""
        if not (await self._bus.extent()).missing:
            return 0
        first, last = zip(*(await self._bus.missing() or [(0, 0)]), strict=True)
        return await self._unmark(
            await self._pool.fetch(SQL["list_published_between"], partitions, first, last, MAX_AGE)
        )

    async def _check_end(self, partitions: Collection[int]) -> int:
        """What was cut off, and whose numbers are others' by now, or will be."""
        probes = await self._pool.fetch(SQL["probe_published"], partitions, MAX_AGE)
        deepest: dict[int, int] = {}
        for probe in await self._out_of_place(probes):
            sequence = probe["stream_sequence"]
            deepest[probe["partition"]] = min(sequence, deepest.get(probe["partition"], sequence))
        return sum([await self._compare(partition, sequence) for partition, sequence in deepest.items()])

    async def _compare(self, partition: int, deepest: int) -> int:
        """From the newest to beyond the deepest that is known to be out of place, until some are in theirs."""
        count, below = 0, (1 << 63) - 1
        while rows := await self._pool.fetch(SQL["list_published_below"], partition, below, MAX_AGE, _CHUNK):
            lost = await self._out_of_place([row for row in rows if row["kept"]])
            count += await self._unmark(lost)
            below = rows[-1]["stream_sequence"]
            if not lost and below < deepest:
                break
        return count

    async def _check_beginning(self, partitions: Collection[int]) -> int:
        """What was removed before its time."""
        first, count = (await self._bus.extent()).first, 0
        for partition in partitions if first > 1 else ():
            below = first
            while rows := await self._pool.fetch(SQL["list_published_below"], partition, below, _EARLY, _CHUNK):
                lost = [row for row in rows if row["kept"]]
                if not lost:
                    break
                count += await self._unmark(lost)
                below = rows[-1]["stream_sequence"]
        return count

    async def _out_of_place(self, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
        """Those that the stream should hold, by its extent, and does not."""
        # Asked after the rows were read: what they say was published was in the stream before this.
        extent = await self._bus.extent()
        within = [row for row in rows if extent.first <= row["stream_sequence"] <= extent.last]
        found = await asyncio.gather(*(self._bus.at(row["stream_sequence"]) for row in within))
        return [
            *(row for row in rows if row["stream_sequence"] > extent.last),
            *(
                row
                for row, stored in zip(within, found, strict=True)
                if stored is None or stored.event_id != str(row["event_id"])
            ),
        ]

    async def _unmark(self, lost: Sequence[asyncpg.Record]) -> int:
        """Lets them wait; how many of them nobody has found meanwhile."""
        ids, sequences = [row["id"] for row in lost], [row["stream_sequence"] for row in lost]
        return len(await self._pool.fetch(SQL["unmark_published"], ids, sequences)) if lost else 0
