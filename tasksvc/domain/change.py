"""A change of a task: the next version, what is said of it to whoever listens, and which fields it is about."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from chassis.errors import TaskNotDeleted, TaskNotFound
from tasksvc.domain.task import MOMENT, Task

# Told of by the fields that they go along with: a status and its stamps change together.
_STAMPS: Final = frozenset({"create_time", "update_time", "start_time", "end_time", "version"})
_PARTS: Final = {"progress_percent": "progress", "progress_message": "progress"}
_FIELDS: Final = tuple(name for name in Task.__dataclass_fields__ if name not in _STAMPS)
_SAID: Final = tuple(name for name in _FIELDS if name not in {"id", "status", "creator_id"})
_EMPTY: Final = Task(id="", project_id="", title="", creator_id="")


@dataclass(frozen=True, slots=True)
class Change:
    """What is stored in one go: a version of a task and its event."""

    task: Task
    """The task after it."""
    type: str
    """The event's type, such as `task.completed`."""
    fields: tuple[str, ...]
    """The proto's names of the fields that it changed, without version and stamps."""
    mentioned: tuple[str, ...] = ()
    """The users whom its texts name that they did not name before: found out when it is stored."""

    @classmethod
    def of(cls, before: Task, event: str, **values: Any) -> Self | None:
        """The task with these values; None if it has them already."""
        new = {name: value for name, value in values.items() if getattr(before, name) != value}
        if not new:
            return None
        after = replace(before, **new, version=before.version + 1, update_time=MOMENT)
        return cls(after, event, _told(name for name in _FIELDS if name in new))

    @property
    def rehomes(self) -> bool:
        """Whether the task comes to another place among the tasks: another project, or under another one."""
        return "project_id" in self.fields or ("parent_id" in self.fields and self.task.parent_id is not None)


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change as history has it."""

    event_id: str
    type: str
    time: datetime
    actor_id: str | None
    """None: the system."""
    fields: tuple[str, ...]
    task: Task
    """The task after it."""


def create(task: Task) -> Change:
    """The first version."""
    return Change(task, "task.created", _told(name for name in _SAID if getattr(task, name) != getattr(_EMPTY, name)))


def update(task: Task, values: dict[str, Any]) -> Change | None:
    """Sets the values, given by field; None if nothing differs."""
    return Change.of(existing(task), "task.updated", **values)


def delete(task: Task) -> Change | None:
    """Takes the task away, softly."""
    return Change.of(existing(task), "task.deleted", delete_time=MOMENT)


def restore(task: Task) -> Change | None:
    """Brings a deleted task back."""
    if task.delete_time is None:
        raise TaskNotDeleted(f"The task {task.id} is not deleted: there is nothing to restore.")
    return Change.of(task, "task.restored", delete_time=None)


def remind(task: Task, event: str) -> Change:
    """Tells of a task that has not changed."""
    return Change(replace(existing(task), version=task.version + 1, update_time=MOMENT), event, ())


def existing(task: Task) -> Task:
    """The task, if it wasn't deleted. Raises TaskNotFound."""
    if task.delete_time is not None:
        raise not_found(task.id)
    return task


def not_found(task_id: str) -> TaskNotFound:
    """The error for a task that isn't there, or isn't the caller's to see."""
    return TaskNotFound(f"There is no task {task_id} that you may see.", metadata={"id": task_id})


def _told(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_PARTS.get(name, name) for name in names))
