"""A queue's name."""

from dataclasses import dataclass

from tasksvc.domain.task import Task


@dataclass(frozen=True, slots=True, order=True)
class QueueRef:
    """Which queue: its name means something in its project only."""

    project_id: str
    name: str


def queue_of(task: Task) -> QueueRef | None:
    """The task's queue; None if it is for people."""
    return QueueRef(task.project_id, task.queue) if task.queue else None
