"""What the database holds that an operator must know of: read by one replica, told by it alone."""

import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from chassis.postgres import Pool, queries
from chassis.readings import EVERY, Figure, Reading
from tasksvc.partitions import PARTITIONS

_TURN: Final = 2.5 * EVERY
SQL: Final = queries("tasksvc")

_WAITING: Final = Figure(
    "taskbell_outbox_waiting_events",
    "Committed events that are not in the stream yet; a thousand a partition are counted.",
)
_OLDEST: Final = Figure(
    "taskbell_outbox_oldest_waiting_age_seconds",
    "How long ago the oldest event that is not in the stream was committed.",
)


def readings_of(pool: Pool) -> Callable[[], Awaitable[Iterable[Reading]]]:
    """What reads the database: nothing, while it is another replica's turn."""
    reader = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"

    async def read() -> Iterable[Reading]:
        row = await pool.fetchrow(SQL["read_outbox"], reader, _TURN, PARTITIONS)
        return [] if row is None else [_WAITING.told(row["waiting"]), _OLDEST.told(row["oldest_age"])]

    return read
