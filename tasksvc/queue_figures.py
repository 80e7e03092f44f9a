"""What is in queues, and who works on them."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

import structlog

from chassis.errors import ServiceError
from chassis.postgres import Pool, queries
from tasksvc.domain.queue import Queue, QueueRef

SQL: Final = queries("tasksvc")
THROUGHPUT_WINDOW: Final = 300.0
"""Seconds over which ends are averaged."""
WORKER_WINDOW: Final = 60.0
"""Seconds for which a worker counts as here."""
MOST_WORKERS: Final = 1000
_LARGE: Final = 100_000
_SHARE: Final = 20
"""A large queue is counted again when so many times as long as the counting took has passed."""
_FOLD: Final = 5.0
_FLUSH: Final = 1.0
_KEPT: Final = 600.0
_log = structlog.get_logger("tasksvc.queue_figures")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one queue."""

    waiting: int = 0
    scheduled: int = 0
    blocked: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    oldest_waiting_age: float = 0
    """Seconds; of no meaning while none waits."""
    throughput: float = 0
    """Ends a minute."""


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """Who works on a queue."""

    name: str
    leases: int
    seen_time: datetime | None


class QueueFigures:
    """Counts. A worker: sees to it that what has ended is counted in few rows, however much it was."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._large: dict[int, tuple[Figures, float]] = {}
        """Those of queues that took long to count, and until when they do."""

    async def of(self, queues: Sequence[Queue]) -> list[Figures]:
        """Of each of them."""
        now = monotonic()
        known = {queue.id: kept[0] for queue in queues if (kept := self._large.get(queue.id)) and kept[1] > now}
        rows = await self._pool.fetch(
            SQL["count_jobs"], [queue.id for queue in queues if queue.id not in known], THROUGHPUT_WINDOW
        )
        took = monotonic() - now
        for row in rows:
            counts = {name: row[name] for name in Figures.__slots__ if name != "throughput"}
            figures = Figures(**counts, throughput=row["recent"] * 60 / THROUGHPUT_WINDOW)
            known[row["queue_id"]] = figures
            self._large.pop(row["queue_id"], None)
            if figures.waiting + figures.scheduled + figures.blocked > _LARGE:
                self._large[row["queue_id"]] = figures, monotonic() + took * _SHARE
        return [known[queue.id] for queue in queues]

    async def workers(self, queue: Queue) -> list[SeenWorker]:
        """By name: those who were here in the last minute, and those who have tasks."""
        ref = queue.ref
        rows = await self._pool.fetch(
            SQL["list_workers"], ref.project_id, ref.name, queue.id, WORKER_WINDOW, MOST_WORKERS
        )
        return [SeenWorker(**row) for row in rows]

    async def run(self, stopping: asyncio.Event) -> None:
        """Adds up the ends. Any number of replicas may: one does."""
        while not stopping.is_set():
            try:
                await self._pool.execute(SQL["fold_ends"], THROUGHPUT_WINDOW + 2 * _FOLD)
            except ServiceError as error:
                _log.warning("ends not added up", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _FOLD)


class SeenWorkers:
    """Who was here, as this replica has noticed. A worker: writes it down every second, and forgets old news."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seen: dict[tuple[QueueRef, str], float] = {}

    def saw(self, queues: Collection[QueueRef], worker: str) -> None:
        """The worker asked for tasks of these queues, or answered."""
        now = monotonic()
        for queue in queues:
            self._seen[queue, worker] = now

    async def run(self, stopping: asyncio.Event) -> None:
        """Writes until told to stop."""
        forgotten = monotonic()
        while not stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _FLUSH)
            try:
                await self._write()
                if monotonic() - forgotten > _KEPT:
                    forgotten = monotonic()
                    await self._pool.execute(SQL["forget_workers"], _KEPT)
                    await self._pool.execute(SQL["forget_moves"], _KEPT)
            except ServiceError as error:
                _log.warning("workers not noted", error=str(error))

    async def _write(self) -> None:
        seen, self._seen = self._seen, {}
        if seen:
            now = monotonic()
            refs, names = zip(*seen, strict=True)
            await self._pool.execute(
                SQL["note_workers"],
                [ref.project_id for ref in refs],
                [ref.name for ref in refs],
                names,
                [now - at for at in seen.values()],
            )
