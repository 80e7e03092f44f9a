"""Leases, and what Prometheus is told of them.

Without the queues' names: anybody makes queues, and labels must have bounds. A queue's own figures are in the API.
"""

from collections.abc import Collection, Sequence
from typing import Final

from prometheus_client import Counter, Histogram

from chassis.postgres import Executor
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Task
from tasksvc.lease_store import Answer, Expired, Lease, LeaseStore, Settled

_LEASES: Final = Counter("taskbell_queue_leases", "Tasks that workers took.")
_WAIT: Final = Histogram(
    "taskbell_queue_wait_seconds",
    "From the moment when a task might start to its lease.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)
_ANSWERS: Final = Counter(
    "taskbell_queue_answers", "What became of leases; `refused` is an answer that came too late.", ["outcome"]
)
_ANSWERED: Final = {
    outcome: _ANSWERS.labels(outcome) for outcome in ("completed", "failed", "released", "expired", "refused")
}
_DURATION: Final = Histogram(
    "taskbell_queue_attempt_duration_seconds",
    "From a lease to the answer that ended it.",
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)


class MeasuredLeases(LeaseStore):
    """The leases, counted."""

    async def lease(
        self, queues: Sequence[QueueRef], most: int, *, worker: str, duration: float | None, streamed: bool
    ) -> list[Lease]:
        """As it is, and how long each task had waited."""
        leases = await super().lease(queues, most, worker=worker, duration=duration, streamed=streamed)
        for lease in leases:
            task = lease.task
            if task.start_time is not None:
                _WAIT.observe(max((task.start_time - (task.schedule_time or task.create_time)).total_seconds(), 0))
        _LEASES.inc(len(leases))
        return leases

    async def settle(
        self, db: Executor, answers: Sequence[Answer], *, projects: Collection[str] | None = None
    ) -> Settled:
        """As it is, and what came of each attempt."""
        settled = await super().settle(db, answers, projects=projects)
        for answer, task in zip(answers, settled.tasks, strict=True):
            if isinstance(task, Task):
                _ANSWERED[type(answer.outcome).__name__.lower()].inc()
                if task.start_time is not None:
                    _DURATION.observe((task.update_time - task.start_time).total_seconds())
            elif not isinstance(
                answer.outcome, Expired
            ):  # that somebody else took a lease back is nobody's late answer
                _ANSWERED["refused"].inc()
        return settled
