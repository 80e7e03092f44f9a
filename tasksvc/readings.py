"""What the database holds that an operator must know of: read by one replica, told by it alone."""

import os
import secrets
import socket
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Final

from chassis.postgres import Pool
from chassis.readings import EVERY, Figure, Reading
from tasksvc.partitions import PARTITIONS
from tasksvc.statements import SQL

_TURN: Final = 2.5 * EVERY
_SHARE: Final = 20
"""Tasks are counted again when so many times as long as the counting took has passed: there may be millions."""
STATES: Final = ("waiting", "scheduled", "blocked", "running")

_WAITING: Final = Figure(
    "taskbell_outbox_waiting_events",
    "Committed events that are not in the stream yet; a thousand a partition are counted.",
)
_OLDEST: Final = Figure(
    "taskbell_outbox_oldest_waiting_age_seconds",
    "How long ago the oldest event that is not in the stream was committed.",
)
_DEPTH: Final = Figure("taskbell_queue_depth", "Tasks of all queues that have not ended, by state.", ("state",))
_OLDEST_TASK: Final = Figure(
    "taskbell_queue_oldest_waiting_age_seconds",
    "How long the oldest task that may start has waited for a worker, in queues that are not paused.",
)
_WORKERS: Final = Figure("taskbell_queue_workers", "Names of workers that were here in the last minute.")
_PAUSED: Final = Figure("taskbell_queues_paused", "Queues that are paused.")


class Reader:
    """Reads the database: nothing, while it is another replica's turn."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._name = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._queues: Sequence[Reading] = ()
        self._queues_until = 0.0

    async def read(self) -> Iterable[Reading]:
        """What it says now. Raises Unavailable."""
        outbox = await self._pool.fetchrow(SQL["read_outbox"], self._name, _TURN, PARTITIONS)
        if outbox is None:
            return ()
        if monotonic() >= self._queues_until:
            await self._read_queues()
        return (_WAITING.told(outbox["waiting"]), _OLDEST.told(outbox["oldest_age"]), *self._queues)

    async def _read_queues(self) -> None:
        begun = monotonic()
        row = await self._pool.fetchrow(SQL["read_queues"])
        assert row is not None  # noqa: S101 - sums have a row
        self._queues = (
            *(_DEPTH.told(row[state], state) for state in STATES),
            _OLDEST_TASK.told(row["oldest_age"]),
            _WORKERS.told(row["workers"]),
            _PAUSED.told(row["paused"]),
        )
        ended = monotonic()
        self._queues_until = ended + (ended - begun) * _SHARE
