"""When a task has its unique_key."""

from tasksvc.domain.task import Status, Task, UniqueScope

_UNTIL: dict[UniqueScope, frozenset[Status]] = {
    UniqueScope.WAITING: frozenset({Status.PENDING}),
    UniqueScope.RUNNING: frozenset({Status.PENDING, Status.IN_PROGRESS}),
}


def has_key(task: Task) -> bool:
    """Whether the task, as it stands, has its key. One with the scope PERIOD got it once, at its creation."""
    return bool(task.unique_key) and task.delete_time is None and task.status in _UNTIL.get(task.unique_scope, ())


def takes_key(before: Task, after: Task) -> bool:
    """Whether a change makes the task take its key (again)."""
    return has_key(after) and (not has_key(before) or before.project_id != after.project_id)


def frees_key(before: Task, after: Task) -> bool:
    """Whether a change makes the task give up the key that it may have."""
    return has_key(before) and (not has_key(after) or before.project_id != after.project_id)
