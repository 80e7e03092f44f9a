"""A task."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final

MOMENT: Final = datetime.max.replace(tzinfo=UTC)
"""Stands for the moment in which a change is stored: rules have no clock, the database has one for all replicas."""


class Status(IntEnum):
    """Where a task stands. The numbers are those of `Task.Status` in the proto."""

    PENDING = 1
    IN_PROGRESS = 2
    COMPLETED = 3
    FAILED = 4
    CANCELLED = 5


class Priority(IntEnum):
    """How urgent a task is. The numbers are those of `Task.Priority` in the proto."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class UniqueScope(IntEnum):
    """For how long a unique key is taken. The numbers are those of `Task.UniqueScope` in the proto."""

    UNSAID = 0
    """There is no key."""
    WAITING = 1
    RUNNING = 2
    PERIOD = 3


class RecurrenceMode(IntEnum):
    """When the next task of a series is made. The numbers are those of `Task.RecurrenceMode` in the proto."""

    UNSAID = 0
    """There is no series."""
    AFTER_END = 1
    ON_SCHEDULE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One version of a task. The fields are named and ordered as the columns of `task_states`."""

    id: str
    project_id: str
    title: str
    description: str = ""
    status: Status = Status.PENDING
    priority: Priority = Priority.NORMAL
    labels: tuple[str, ...] = ()
    creator_id: str
    assignee_id: str | None = None
    due_time: datetime | None = None
    schedule_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    create_time: datetime = MOMENT
    update_time: datetime = MOMENT
    delete_time: datetime | None = None
    parent_id: str | None = None
    version: int = 1
    queue: str = ""
    payload: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    progress_percent: int = 0
    progress_message: str = ""
    attempt: int = 0
    last_error: str = ""
    lease_expire_time: datetime | None = None
    worker: str = ""
    unique_key: str = ""
    unique_scope: UniqueScope = UniqueScope.UNSAID
    unique_period: float | None = None
    """Seconds."""
    concurrency_key: str = ""
    max_attempts: int = 0
    """0 until it is stored, for a task that leaves it to its queue, and for tasks without one."""
    blocked_by: tuple[str, ...] = ()
    recurrence: str = ""
    recurrence_mode: RecurrenceMode = RecurrenceMode.UNSAID
    recurrence_time_zone: str = ""
    series_id: str | None = None
