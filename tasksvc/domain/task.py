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
