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
from chassis.postgres import Pool
from tasksvc.domain.queue import Queue, QueueRef
from tasksvc.statements import SQL

THROUGHPUT_WINDOW: Final = 300.0
"""Seconds over which ends are averaged."""
WORKER_WINDOW: Final = 60.0
"""Seconds for which a worker counts as here."""
MOST_WORKERS: Final = 1000
LARGE: Final = 100_000
"""Tasks that are too many to be counted whenever somebody asks."""
_SHARE: Final = 20
"""A large queue is counted again when so many times as long as the counting took has passed."""
_INTEREST: Final = 30.0
"""Seconds for which somebody who asked may ask again."""
_TICK: Final = 0.5
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


@dataclass(slots=True)
class _Large:
    """A queue that takes long to count."""

    figures: Figures
    asked: float
    """When somebody asked last."""
    due: float
    """When it is to be counted again."""


class QueueFigures:
    """Counts. Large queues are counted in the background, as long as somebody asks, so that nobody waits for it.

    A worker: that counts them, and sees to it that what has ended is counted in few rows, however much it was.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._large: dict[int, _Large] = {}

    async def of(self, queues: Sequence[Queue]) -> list[Figures]:
        """Of each of them. With more than 100,000 tasks they may be some seconds old."""
        known: dict[int, Figures] = {}
        for queue in queues:
            if large := self._large.get(queue.id):
                large.asked = monotonic()
                known[queue.id] = large.figures
        if unknown := [queue.id for queue in queues if queue.id not in known]:
            known |= await self._count(unknown)
        return [known[queue.id] for queue in queues]

    async def workers(self, queue: Queue) -> list[SeenWorker]:
        """By name: those who were here in the last minute, and those who have tasks."""
        ref = queue.ref
        rows = await self._pool.fetch(
            SQL["list_workers"], ref.project_id, ref.name, queue.id, WORKER_WINDOW, MOST_WORKERS
        )
        return [SeenWorker(**row) for row in rows]

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until told to stop. Any number of replicas may: one adds up the ends."""
        fold = 0.0
        while not stopping.is_set():
            try:
                if monotonic() >= fold:
                    fold = monotonic() + _FOLD
                    await self._pool.execute(SQL["fold_ends"], THROUGHPUT_WINDOW + 2 * _FOLD)
                await self._recount()
            except ServiceError as error:
                _log.warning("queues not counted", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _TICK)

    async def _recount(self) -> None:
        for queue_id, large in list(self._large.items()):
            if large.asked < monotonic() - _INTEREST:
                del self._large[queue_id]
            elif large.due <= monotonic():
                await self._count([queue_id])

    async def _count(self, queue_ids: Sequence[int]) -> dict[int, Figures]:
        begun = monotonic()
        rows = await self._pool.fetch(SQL["count_jobs"], queue_ids, THROUGHPUT_WINDOW)
        ended = monotonic()
        counted: dict[int, Figures] = {}
        for row in rows:
            counts = {name: row[name] for name in Figures.__slots__ if name != "throughput"}
            figures = Figures(**counts, throughput=row["recent"] * 60 / THROUGHPUT_WINDOW)
            queue_id = row["queue_id"]
            counted[queue_id] = figures
            asked = known.asked if (known := self._large.pop(queue_id, None)) else ended
            if figures.waiting + figures.scheduled + figures.blocked > LARGE:
                self._large[queue_id] = _Large(figures, asked, ended + (ended - begun) * _SHARE)
        return counted


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
