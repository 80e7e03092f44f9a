"""Leases in PostgreSQL: which worker has which task, until when. What workers do is stored here, many tasks at a time.

A task's row is locked before its job's, and rows of a kind in the order of ids, by everybody: nobody waits in a circle.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Any, Final, TypeAlias

from chassis.caller import current_call
from chassis.errors import LeaseLost, ServiceError
from chassis.postgres import Executor, Pool, queries
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Priority, Status, Task
from tasksvc.task_rows import task_from_row

SQL: Final = queries("tasksvc")
_HIGHEST_FIRST: Final = tuple(sorted(Priority, reverse=True))


@dataclass(frozen=True, slots=True)
class Lease:
    """A task that a worker has for a time."""

    lease_id: str
    """What it answers with: another one each time, so that a late answer is told apart."""
    task: Task
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Completed:
    """The task is done."""

    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed."""

    error: str = ""
    retryable: bool = True
    retry_after: float | None = None
    """Seconds; None: the queue's backoff."""


@dataclass(frozen=True, slots=True)
class Released:
    """The task comes back as if the attempt had not been made."""

    retry_after: float | None = None
    """Seconds; None: at once."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Nobody answered in time."""

    worker: str


Outcome: TypeAlias = Completed | Failed | Released | Expired


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a leased task."""

    lease_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of answers."""

    tasks: list[Task | ServiceError] = field(default_factory=list)
    """In their order: the task after it, or why the answer was refused."""
    woken: set[QueueRef] = field(default_factory=set)
    """Where something may start now."""


class LeaseStore:
    """Claims and settles."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lease(
        self, queues: Sequence[QueueRef], most: int, *, worker: str, duration: float | None, streamed: bool
    ) -> list[Lease]:
        """Takes up to so many tasks that may start now: of the queues named first, by priority, then time, then age.

        `duration` in seconds; None: as the queue says. A `streamed` lease is kept up by `hold`, and the task doesn't
        show its end.
        """
        actor, trace = _call()
        places = list(product(dict.fromkeys(queues), _HIGHEST_FIRST))
        rows = await self._pool.fetch(
            SQL["lease_tasks"],
            [queue.project_id for queue, _ in places],
            [queue.name for queue, _ in places],
            [priority for _, priority in places],
            most,
            worker,
            duration,
            streamed,
            actor,
            trace,
        )
        return [Lease(str(row["lease_id"]), task_from_row(row), row["lease_end"]) for row in rows]

    async def settle(
        self, db: Executor, answers: Sequence[Answer], *, projects: Collection[str] | None = None
    ) -> Settled:
        """Stores what became of leased tasks; each by itself, an answer that is refused hinders no other.

        `projects`: where the caller may answer; None: everywhere. A lease of another project is as good as lost.
        """
        actor, trace = _call()
        first = {answer.lease_id.lower(): answer.outcome for answer in reversed(answers)}
        rows = await db.fetch(
            SQL["settle_leases"],
            list(first),
            *zip(*map(_columns, first.values()), strict=True),
            projects if projects is None else list(projects),
            actor,
            trace,
        )
        settled = {str(row["answered"]): task_from_row(row) for row in rows}
        woken = {QueueRef(task.project_id, task.queue) for task in settled.values() if task.status is Status.PENDING}
        # What is answered twice is answered once: the second time its lease is gone.
        return Settled([_taken(settled, answer.lease_id.lower()) for answer in answers], woken)

    async def extend(self, lease_id: str, duration: float | None, *, projects: Collection[str] | None = None) -> Task:
        """Makes a lease last from now, so many seconds or as long as the queue says. Raises LeaseLost."""
        allowed = projects if projects is None else list(projects)
        row = await self._pool.fetchrow(SQL["extend_lease"], lease_id, duration, allowed, *_call())
        if row is None:
            raise _lost(lease_id)
        return task_from_row(row)

    async def hold(self, lease_ids: Collection[str], duration: float) -> set[str]:
        """Makes leases of a stream last from now; those that still hold."""
        rows = await self._pool.fetch(SQL["hold_leases"], lease_ids, duration)
        return {str(row["lease_id"]) for row in rows}

    async def progress(
        self, lease_id: str, percent: int, message: str, *, projects: Collection[str] | None = None
    ) -> Task:
        """Says how far the task is. Raises LeaseLost."""
        allowed = projects if projects is None else list(projects)
        row = await self._pool.fetchrow(SQL["report_progress"], lease_id, percent, message, allowed, *_call())
        if row is None:  # it may have been known
            row = await self._pool.fetchrow(SQL["leased_task"], lease_id, allowed)
        if row is None:
            raise _lost(lease_id)
        return task_from_row(row)

    async def expire(self, most: int) -> Settled:
        """Takes back up to so many leases that ran out: the attempt failed."""
        rows = await self._pool.fetch(SQL["expired_leases"], most)
        if not rows:
            return Settled()
        settled = await self.settle(self._pool, [Answer(str(row["lease_id"]), Expired(row["worker"])) for row in rows])
        # Who is refused was extended, answered, or taken back by another replica meanwhile.
        return Settled([task for task in settled.tasks if isinstance(task, Task)], settled.woken)

    async def next_ready_time(self, queues: Collection[QueueRef]) -> datetime | None:
        """When the next task that has a time to wait for may start; None if none has."""
        time: datetime | None = await self._pool.fetchval(
            SQL["next_ready_time"], [queue.project_id for queue in queues], [queue.name for queue in queues]
        )
        return time


def _columns(outcome: Outcome) -> tuple[int, dict[str, Any] | None, str, bool, float | None]:
    match outcome:
        case Completed(result):
            return 1, result, "", False, None
        case Failed(error, retryable, retry_after):
            return 2, None, error, retryable, retry_after
        case Released(retry_after):
            return 3, None, "", True, retry_after
        case Expired(worker):
            return 4, None, f"The lease of {worker} ran out.", True, None


def _taken(settled: dict[str, Task], lease_id: str) -> Task | ServiceError:
    return settled.pop(lease_id) if lease_id in settled else _lost(lease_id)


def _call() -> tuple[str | None, str]:
    call = current_call.get()
    return (call.caller.user_id if call.caller else "") or None, call.traceparent


def _lost(lease_id: str) -> LeaseLost:
    return LeaseLost(
        f"The lease {lease_id} holds no more: it ran out, or its task was cancelled, ended or deleted.",
        metadata={"lease_id": lease_id},
    )
