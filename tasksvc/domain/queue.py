"""A queue: its name, and how its tasks are to be done."""

from dataclasses import dataclass
from datetime import datetime

from chassis.etag import etag
from tasksvc.domain.task import Task


@dataclass(frozen=True, slots=True, order=True)
class QueueRef:
    """Which queue: its name means something in its project only."""

    project_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """What can be set. Named and ordered as the columns of `queues`, times in seconds; the defaults are the API's."""

    max_concurrency: int = 0
    """0: no limit; so with the next two."""
    max_concurrency_per_key: int = 0
    rate_tasks: int = 0
    rate_period: float = 1.0
    default_max_attempts: int = 5
    backoff_initial: float = 5.0
    backoff_max: float = 3600.0
    default_lease_duration: float = 30.0
    retention: float | None = None
    """None: for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue that is there."""

    id: int
    ref: QueueRef
    settings: QueueSettings
    version: int
    """Of the settings."""
    pause_time: datetime | None
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """Unique in its project."""
        return self.ref.name

    @property
    def settings_etag(self) -> str:
        """Changes with the settings only: nobody who sets one is refused since a task came in."""
        return etag("queue", self.id, self.version)


def queue_of(task: Task) -> QueueRef | None:
    """The task's queue; None if it is for people."""
    return QueueRef(task.project_id, task.queue) if task.queue else None
