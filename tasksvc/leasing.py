"""Hands out leases, takes answers, and lets everybody know. Whoever is cut off in between leaves no lease behind."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import ServiceError
from chassis.finish import finish
from chassis.postgres import Pool
from tasksvc.announcer import Announcer
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Task as TaskState
from tasksvc.lease_store import Answer, Lease, LeaseStore, Released
from tasksvc.queue_bell import Waiter
from tasksvc.queue_figures import SeenWorkers
from tasksvc.statements import SQL
from tasksvc.task_to_pb import task_to_pb, time_to_pb

Told: TypeAlias = Task | ServiceError
"""What became of an answer: the task after it, or why it was refused."""
_log = structlog.get_logger("tasksvc.leasing")


@dataclass(frozen=True, slots=True)
class Worker:
    """Who asks for tasks, and of which queues."""

    name: str
    queues: tuple[QueueRef, ...]
    duration: float | None
    """How long its leases last, in seconds; None: as the queue says."""
    streamed: bool


class Leasing:
    """What is done with leases, by single calls and by streams."""

    def __init__(self, pool: Pool, leases: LeaseStore, announcer: Announcer, seen: SeenWorkers) -> None:
        self._pool = pool
        self._leases = leases
        self._announcer = announcer
        self._seen = seen

    async def take(self, worker: Worker, most: int) -> list[pb.Lease]:
        """Leases tasks that may start now, up to so many."""
        taking = asyncio.create_task(self._take(worker, most))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            # Nobody will hear of what was leased, or is about to be.
            await self._undo(taking)
            raise

    async def look(self, worker: Worker, most: int, waiter: Waiter) -> list[pb.Lease]:
        """The same for one who waits: others are called if there may be more, and it is when there will be."""
        waiter.look()
        leases = await self.take(worker, most)
        if len(leases) == most:
            waiter.found()
        elif (time := await self._leases.next_ready_time(worker.queues)) is not None:
            waiter.call_at(time)
        return leases

    async def settle(self, answers: Sequence[Answer], projects: Collection[str] | None) -> list[Told]:
        """Stores answers, each by itself; what became of them, in their order. Is finished even if the caller goes."""
        return await finish(self._settle(answers, projects))

    async def adopt(
        self, stream_id: str, lease_ids: Collection[str], project_id: str, duration: float
    ) -> dict[str, str]:
        """Moves those of the leases that still hold to this stream, lasting from now; their tasks, by lease."""
        rows = await self._pool.fetch(SQL["adopt_leases"], lease_ids, project_id, duration, stream_id)
        return {str(row["lease_id"]): str(row["task_id"]) for row in rows}

    async def end_stream(self, stream_id: str, lease_ids: Collection[str]) -> list[str]:
        """Those of the leases that have not moved to another stream, and from now on can't."""
        return [str(row["lease_id"]) for row in await self._pool.fetch(SQL["end_stream"], lease_ids, stream_id)]

    def saw(self, worker: Worker) -> None:
        """The worker gave a sign of life."""
        self._seen.saw(worker.queues, worker.name)

    async def extend(self, lease_id: str, duration: float | None, projects: Collection[str]) -> Task:
        """Makes a lease last from now. Raises LeaseLost."""
        return await self._of_worker(await self._leases.extend(lease_id, duration, projects=projects))

    async def progress(self, report: pb.ReportProgressRequest, projects: Collection[str]) -> Task:
        """Says how far a task is. Raises LeaseLost."""
        lease_id = report.lease_id.lower()
        task = await self._leases.progress(lease_id, report.percent, report.message, projects=projects)
        return await self._of_worker(task)

    async def give_back(self, lease_ids: Collection[str]) -> None:
        """Releases what nobody works on. Should that fail, the leases run out."""
        if lease_ids:
            try:
                await self.settle([Answer(lease_id, Released()) for lease_id in lease_ids], None)
            except ServiceError as error:
                _log.warning("leases not given back", count=len(lease_ids), error=str(error))

    async def _take(self, worker: Worker, most: int) -> list[pb.Lease]:
        leases = await self._leases.lease(
            worker.queues, most, worker=worker.name, duration=worker.duration, streamed=worker.streamed
        )
        self.saw(worker)
        if not leases:
            return []
        told = [_lease_to_pb(lease, worker) for lease in leases]
        await self._announcer.announce_work([lease.task for lease in told])
        return told

    async def _of_worker(self, task: TaskState) -> Task:
        """The task after something that its worker did, and everybody told of it."""
        self._seen.saw([QueueRef(task.project_id, task.queue)], task.worker)
        told = task_to_pb(task)
        await self._announcer.announce_work([told])
        return told

    async def _undo(self, taking: "asyncio.Task[list[pb.Lease]]") -> None:
        try:
            leases = await taking
        except ServiceError:
            return
        await self.give_back([lease.lease_id for lease in leases])

    async def _settle(self, answers: Sequence[Answer], projects: Collection[str] | None) -> list[Told]:
        settled = await self._leases.settle(self._pool, answers, projects=projects)
        told: list[Told] = [each if isinstance(each, ServiceError) else task_to_pb(each) for each in settled.tasks]
        await self._announcer.announce_work([each for each in told if isinstance(each, Task)], settled.woken)
        return told


def _lease_to_pb(lease: Lease, worker: Worker) -> pb.Lease:
    message = pb.Lease(lease_id=lease.lease_id, task=task_to_pb(lease.task), attempt=lease.task.attempt)
    if not worker.streamed:
        message.expire_time.CopyFrom(time_to_pb(lease.expire_time))
    return message
