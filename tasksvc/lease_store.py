"""Leases in PostgreSQL: which worker has which task, until when. What workers do is stored here, many tasks at a time.

A task's row is locked before its job's, and rows of a kind in the order of ids, by everybody: nobody waits in a circle.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from chassis.caller import current_call
from chassis.errors import LeaseLost, ServiceError
from chassis.postgres import Executor, Pool, transaction
from tasksvc.blockers import follow_blockers
from tasksvc.claims import Claims, Lease, Terms
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Task
from tasksvc.jobs import note_returns
from tasksvc.statements import SQL
from tasksvc.task_rows import changing, task_from_row

__all__ = ["Answer", "Completed", "Expired", "Failed", "Lease", "LeaseStore", "Outcome", "Released", "Settled"]

_SETTLE_LEASES: Final = SQL["settle_leases"].format(
    **changing("status", "schedule_time", "result", "attempt", "last_error", "lease_expire_time", "worker")
)
_EXTEND_LEASE: Final = SQL["extend_lease"].format(**changing("lease_expire_time"))
_REPORT_PROGRESS: Final = SQL["report_progress"].format(**changing("progress_percent", "progress_message"))


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
        self._claims = Claims(pool)

    async def lease(
        self, queues: Sequence[QueueRef], most: int, *, worker: str, duration: float | None, streamed: bool
    ) -> list[Lease]:
        """Takes up to so many tasks that may start now: of the queues named first, by priority, then time, then age.

        `duration` in seconds; None: as the queue says. A `streamed` lease is kept up by `hold`, and the task doesn't
        show its end.
        """
        return await self._claims.claim(queues, most, Terms(worker, duration, streamed))

    async def settle(
        self, db: Executor, answers: Sequence[Answer], *, projects: Collection[str] | None = None
    ) -> Settled:
        """Stores what became of leased tasks; each by itself, an answer that is refused hinders no other.

        `projects`: where the caller may answer; None: everywhere. A lease of another project is as good as lost.
        """
        # What is answered twice is answered once: the second time its lease is gone.
        outcomes = {answer.lease_id.lower(): answer.outcome for answer in reversed(answers)}
        settled, woken = await self._settle(db, outcomes, projects, locked=False)
        left = [each for each, outcome in outcomes.items() if isinstance(outcome, Completed) and each not in settled]
        if left:
            more, also_woken = await self._settle_blocking(db, {each: outcomes[each] for each in left}, projects)
            settled |= more
            woken |= also_woken
        return Settled([_taken(settled, answer.lease_id.lower()) for answer in answers], woken)

    async def extend(self, lease_id: str, duration: float | None, *, projects: Collection[str] | None = None) -> Task:
        """Makes a lease last from now, so many seconds or as long as the queue says. Raises LeaseLost."""
        allowed = projects if projects is None else list(projects)
        row = await self._pool.fetchrow(_EXTEND_LEASE, lease_id, duration, allowed, *_call())
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
        row = await self._pool.fetchrow(_REPORT_PROGRESS, lease_id, percent, message, allowed, *_call())
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

    async def _settle(
        self, db: Executor, outcomes: Mapping[str, Outcome], projects: Collection[str] | None, *, locked: bool
    ) -> tuple[dict[str, Task], set[QueueRef]]:
        """The tasks that were changed, by lease, and where something may start now."""
        rows = await db.fetch(
            _SETTLE_LEASES,
            list(outcomes),
            *zip(*map(_columns, outcomes.values()), strict=True),
            projects if projects is None else list(projects),
            *_call(),
            locked,
        )
        settled, woken = {}, set()
        for row in rows:
            task = settled[str(row["answered"])] = task_from_row(row)
            if row["wakes"]:
                woken.add(QueueRef(task.project_id, task.queue))
        return settled, woken

    async def _settle_blocking(
        self, db: Executor, outcomes: Mapping[str, Outcome], projects: Collection[str] | None
    ) -> tuple[dict[str, Task], set[QueueRef]]:
        """The same for tasks that others wait for, if any of them is one: these go on with the same commit."""
        async with transaction(db) as connection:
            rows = await connection.fetch(SQL["lock_leased"], list(outcomes))
            if not rows:
                return {}, set()
            blocking = {str(row["lease_id"]): outcomes[str(row["lease_id"])] for row in rows}
            settled, woken = await self._settle(connection, blocking, projects, locked=True)
            followed = await follow_blockers(connection, [task.id for task in settled.values()])
            await note_returns(connection, followed.returned)
            return settled, woken | followed.woken


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
