"""The outbox as a ledger: what the stream has lost is found, and waits again.

A NATS server writes to the page cache and flushes to the disk every two minutes: killed, it loses nothing, but in a
power cut the end of the stream. It then gives the same sequences to what is published next. So an owner checks each of
its partitions before it publishes to a stream that it meets anew, from the newest event back to the first that is where
it should be.
"""

from typing import Final

import structlog
from prometheus_client import Counter

from chassis.jetstream import MAX_AGE, Bus
from chassis.postgres import Pool, queries

SQL: Final = queries("tasksvc")
_CHUNK: Final = 200
_LOST: Final = Counter(
    "taskbell_outbox_lost_events", "Published events that the stream had lost, found and published again."
)
_log = structlog.get_logger("tasksvc.ledger")


class Ledger:
    """What was published, held against what the stream holds."""

    def __init__(self, pool: Pool, bus: Bus) -> None:
        self._pool = pool
        self._bus = bus

    async def recover(self, partition: int) -> int:
        """Makes those of the partition's events wait that the stream has lost; how many."""
        first, last = await self._bus.bounds()
        count = 0
        while rows := await self._pool.fetch(SQL["list_published_events"], partition, MAX_AGE, _CHUNK):
            lost = []
            for row in rows:
                sequence = row["stream_sequence"]
                found = await self._bus.at(sequence) if first <= sequence <= last else None
                if sequence < first or (found is not None and found.message_id == str(row["event_id"])):
                    break
                lost.append(row)
            ids, sequences = [row["id"] for row in lost], [row["stream_sequence"] for row in lost]
            await self._pool.execute(SQL["unmark_published"], ids, sequences)
            count += len(lost)
            if len(lost) < len(rows):
                break
        if count:
            _LOST.inc(count)
            _log.warning("the stream has lost events, which are published again", partition=partition, count=count)
        return count
