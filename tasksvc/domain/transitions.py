"""How a task's status may change: one table, and the one function that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from chassis.errors import IllegalTransition
from tasksvc.domain.change import Change, existing
from tasksvc.domain.task import MOMENT, Status, Task


class Action(StrEnum):
    """What is done to a task; the verbs of the API, and `fail`, `retry` and `release`, which only workers do."""

    START = "start"
    COMPLETE = "complete"
    CANCEL = "cancel"
    FAIL = "fail"
    REOPEN = "reopen"
    RETRY = "retry"
    """An attempt failed, and others follow: back to waiting."""
    RELEASE = "release"
    """An attempt was given up without having failed: back to waiting, as if it had not been made."""


@dataclass(frozen=True, slots=True)
class Transition:
    """From which statuses, to which, and what is said of it."""

    sources: frozenset[Status]
    to: Status
    event: str


_WAITING_OR_RUNNING: Final = frozenset({Status.PENDING, Status.IN_PROGRESS})
ENDED: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

TRANSITIONS: Final[Mapping[Action, Transition]] = {
    Action.START: Transition(frozenset({Status.PENDING}), Status.IN_PROGRESS, "task.started"),
    Action.COMPLETE: Transition(_WAITING_OR_RUNNING, Status.COMPLETED, "task.completed"),
    Action.CANCEL: Transition(_WAITING_OR_RUNNING, Status.CANCELLED, "task.cancelled"),
    Action.FAIL: Transition(frozenset({Status.IN_PROGRESS}), Status.FAILED, "task.failed"),
    Action.REOPEN: Transition(ENDED, Status.PENDING, "task.reopened"),
    Action.RETRY: Transition(frozenset({Status.IN_PROGRESS}), Status.PENDING, "task.retried"),
    Action.RELEASE: Transition(frozenset({Status.IN_PROGRESS}), Status.PENDING, "task.released"),
}


def transition(task: Task, action: Action, **values: Any) -> Change:
    """The change that the action is, `values` (a worker's result or error) set along with it.

    Raises IllegalTransition, which names the present status and what is allowed from there.
    """
    rule = TRANSITIONS[action]
    if existing(task).status not in rule.sources:
        raise _illegal(task, action)
    if rule.to is Status.IN_PROGRESS:
        stamps: dict[str, Any] = {"start_time": MOMENT, "end_time": None}
    elif rule.to is Status.PENDING:
        stamps = {"end_time": None, "result": None, "progress_percent": 0, "progress_message": ""}
        if action is Action.REOPEN:
            stamps["attempt"] = 0
    else:
        stamps = {"end_time": MOMENT}
    if rule.to is not Status.IN_PROGRESS:
        stamps |= {"lease_expire_time": None, "worker": ""}
    change = Change.of(task, rule.event, status=rule.to, **(stamps | values))
    assert change is not None  # noqa: S101  # its status differs
    return change


def progress(task: Task, percent: int, message: str) -> Change | None:
    """How far a running task is; None if that was known."""
    if existing(task).status is not Status.IN_PROGRESS:
        raise IllegalTransition(
            f"The task {task.id} is {task.status.name}: only one that is IN_PROGRESS makes progress.",
            metadata={"from": task.status.name, "allowed": _allowed(task.status)},
        )
    return Change.of(task, "task.progressed", progress_percent=percent, progress_message=message)


def _illegal(task: Task, action: Action) -> IllegalTransition:
    allowed = _allowed(task.status)
    return IllegalTransition(
        f"Can't {action} the task {task.id}, which is {task.status.name}. Allowed from there: {allowed}.",
        metadata={"from": task.status.name, "to": TRANSITIONS[action].to.name, "allowed": allowed},
    )


def _allowed(status: Status) -> str:
    moves = [f"{action} (to {rule.to.name})" for action, rule in TRANSITIONS.items() if status in rule.sources]
    return ", ".join(moves)
