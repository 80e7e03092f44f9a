"""Runs handlers on the tasks of their queues, of whatever project, as one more worker beside those that call.

A task is had by a lease, as any worker has it: when a process is killed its leases run out, and others take over; an
answer to a lost lease changes nothing.
"""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg
import structlog
from prometheus_client import Counter, Histogram

from chassis.errors import LeaseLost, ServiceError
from chassis.foreign_text import storable
from chassis.postgres import Pool
from chassis.race import race
from tasksvc.announcer import Announcer
from tasksvc.domain.queue import QueueRef
from tasksvc.handlers import Handler, Job
from tasksvc.heartbeats import Heartbeats
from tasksvc.lease_store import Answer, Completed, Failed, LeaseStore, Outcome, Released
from tasksvc.queue_bell import PATIENCE, QueueBell
from tasksvc.queue_figures import SeenWorkers
from tasksvc.statements import SQL
from tasksvc.task_to_pb import task_to_pb
from tasksvc.workers.handler_attempt import attempt
from tasksvc.workers.handler_run import Interruption, Run

_GIVING_BACK: Final = 2.0
"""Seconds that are left of the grace for it."""
_QUEUES: Final = 100
"""Queues that are looked into in vain at most before there is a pause."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0

_RUNS = Counter("taskbell_handler_runs", "Attempts of handlers, by what they came to.", ["handler", "outcome"])
_DURATION = Histogram(
    "taskbell_handler_duration_seconds",
    "How long attempts of handlers take.",
    ["handler"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)
_log = structlog.get_logger("tasksvc.handlers")


class HandlerPool:
    """A worker."""

    def __init__(
        self,
        pool: Pool,
        leases: LeaseStore,
        handlers: Mapping[str, Handler],
        *,
        announcer: Announcer,
        bell: QueueBell,
        heartbeats: Heartbeats,
        seen: SeenWorkers,
        concurrency: int,
        grace: float,
    ) -> None:
        self._pool = pool
        self._leases = leases
        self._announcer = announcer
        self._bell = bell
        self._heartbeats = heartbeats
        self._seen = seen
        self._handlers = handlers
        self._concurrency = concurrency
        self._finishing = max(grace - _GIVING_BACK, grace / 2)
        self._name = f"tasksvc@{socket.gethostname()}/{os.getpid()}"
        self._runs: set[Run] = set()
        self._last_queue = 0
        self._ended = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until told to stop. Handlers may then finish while there is time; the others' tasks go back."""
        async with asyncio.TaskGroup() as group:
            with self._bell.listen(self._handlers) as rung:
                while not stopping.is_set():
                    if not await self._look(group, stopping):
                        await self._wait(rung, stopping)
            await self._drain()

    async def _wait(self, rung: asyncio.Event, stopping: asyncio.Event) -> None:
        """Until it is worth looking again."""
        if len(self._runs) >= self._concurrency:
            self._ended.clear()
            await race(self._ended.wait(), stopping.wait())
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await race(rung.wait(), stopping.wait())
        rung.clear()

    async def _look(self, group: asyncio.TaskGroup, stopping: asyncio.Event) -> bool:
        """Leases what there is room for, from where the last look ended on; whether there was anything."""
        room = self._concurrency - len(self._runs)
        # More than there is room for: some may have come to a limit of their own.
        most = room + _QUEUES
        try:
            for after in dict.fromkeys((self._last_queue, 0)) if room else ():
                rows = await self._pool.fetch(SQL["list_queues_to_handle"], list(self._handlers), after, most)
                if await self._lease_from(rows, room, group, stopping):
                    return True
                if len(rows) == most:
                    break
        except ServiceError as error:
            _log.warning("no tasks for handlers just now", error=str(error))
        return False

    async def _lease_from(
        self, rows: Sequence[asyncpg.Record], room: int, group: asyncio.TaskGroup, stopping: asyncio.Event
    ) -> bool:
        """Each queue gets its share of the room."""
        found = False
        for row in rows:
            left = self._concurrency - len(self._runs)
            if not left or stopping.is_set():
                break
            self._last_queue = row["id"]
            share = min(-(-room // len(rows)), left)
            found = await self._lease(QueueRef(str(row["project_id"]), row["name"]), share, group) or found
        return found

    async def _lease(self, queue: QueueRef, most: int, group: asyncio.TaskGroup) -> bool:
        leases = await self._leases.lease([queue], most, worker=self._name, duration=None, streamed=True)
        for lease in leases:
            duration = (lease.expire_time - lease.task.update_time) / timedelta(seconds=1)
            run = Run(lease.lease_id, lease.task, duration, self._heartbeats)
            self._runs.add(run)
            self._heartbeats.begin(run)
            self._bell.hold(run.task.id, run)
            run.worker = group.create_task(self._do(run))
        self._seen.saw([queue], self._name)
        await self._announcer.announce_work([task_to_pb(lease.task) for lease in leases])
        return bool(leases)

    async def _do(self, run: Run) -> None:
        loop, task = asyncio.get_running_loop(), run.task
        begun = loop.time()
        try:
            outcome = await self._handle(run)
            told: str = run.interruption or Interruption.LOST
            if outcome is not None and await self._settle(run, outcome):
                told = _told(outcome)
        finally:
            self._runs.remove(run)
            self._heartbeats.end(run)
            self._bell.let_go(task.id, run)
            self._ended.set()
        _RUNS.labels(task.queue, told).inc()
        _DURATION.labels(task.queue).observe(loop.time() - begun)

    async def _handle(self, run: Run) -> Outcome | None:
        """What it comes to; None if nobody asks for that any more."""
        task = run.task
        job = Job(
            task_id=task.id,
            payload=task.payload or {},
            project_id=task.project_id,
            queue=task.queue,
            title=task.title,
            attempt=task.attempt,
            max_attempts=task.max_attempts,
            report=partial(self._report, run),
        )
        run.handling = True
        try:
            return await attempt(self._handlers[task.queue], job)
        except asyncio.CancelledError:
            if run.interruption is None:
                raise
            return Released() if run.interruption is Interruption.LEAVING else None
        finally:
            run.handling = False
            if run.interruption is not None and run.worker is not None:
                run.worker.uncancel()

    async def _report(self, run: Run, percent: int, message: str) -> None:
        try:
            task = await self._leases.progress(run.lease_id, percent, storable(message))
        except LeaseLost:
            run.interrupt(Interruption.LOST)
            await asyncio.sleep(0)
        except ServiceError as error:
            _log.warning("progress not told", task_id=run.task.id, error=str(error))
        else:
            await self._announcer.announce_work([task_to_pb(task)])

    async def _settle(self, run: Run, outcome: Outcome) -> bool:
        """Whether the answer was taken. It is kept while the database is away; when back, that knows if it is late."""
        pause = _FIRST_PAUSE
        while True:
            try:
                settled = await self._leases.settle(self._pool, [Answer(run.lease_id, outcome)])
                break
            except ServiceError as error:
                _log.warning("answer of a handler not stored yet", task_id=run.task.id, error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        [told] = settled.tasks
        if isinstance(told, ServiceError):
            _log.warning("answer of a handler refused", task_id=run.task.id, error=str(told))
            return False
        await self._announcer.announce_work([task_to_pb(told)], settled.woken)
        return True

    async def _drain(self) -> None:
        workers = [run.worker for run in self._runs if run.worker is not None]
        if workers:
            _, late = await asyncio.wait(workers, timeout=self._finishing)
            for run in set(self._runs):
                run.interrupt(Interruption.LEAVING)
            if late:
                _log.info("handlers interrupted", count=len(late))
                await asyncio.wait(late)


def _told(outcome: Outcome) -> str:
    match outcome:
        case Completed():
            return "completed"
        case Released():
            return Interruption.LEAVING
        case Failed(retryable=False):
            return "gave_up"
    return "failed"
