from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from chassis.errors import IllegalTransition, TaskNotFound
from tasksvc.domain.task import MOMENT, Status, Task
from tasksvc.domain.transitions import TRANSITIONS, Action, progress, transition

THEN = datetime(2026, 11, 1, tzinfo=UTC)
TASK = Task(id="t", project_id="p", title="title", creator_id="c", create_time=THEN, update_time=THEN, version=7)

# What the contract says, written down once more: action, from, to, event.
LEGAL = {
    (Action.START, Status.PENDING): (Status.IN_PROGRESS, "task.started"),
    (Action.COMPLETE, Status.PENDING): (Status.COMPLETED, "task.completed"),
    (Action.COMPLETE, Status.IN_PROGRESS): (Status.COMPLETED, "task.completed"),
    (Action.CANCEL, Status.PENDING): (Status.CANCELLED, "task.cancelled"),
    (Action.CANCEL, Status.IN_PROGRESS): (Status.CANCELLED, "task.cancelled"),
    (Action.FAIL, Status.IN_PROGRESS): (Status.FAILED, "task.failed"),
    (Action.RETRY, Status.IN_PROGRESS): (Status.PENDING, "task.retried"),
    (Action.RELEASE, Status.IN_PROGRESS): (Status.PENDING, "task.released"),
    (Action.REOPEN, Status.COMPLETED): (Status.PENDING, "task.reopened"),
    (Action.REOPEN, Status.FAILED): (Status.PENDING, "task.reopened"),
    (Action.REOPEN, Status.CANCELLED): (Status.PENDING, "task.reopened"),
}


@pytest.mark.parametrize(("action", "status"), list(product(Action, Status)))
def test_every_action_from_every_status(action: Action, status: Status) -> None:
    task = replace(TASK, status=status)
    if (action, status) in LEGAL:
        change = transition(task, action)
        assert (change.task.status, change.type) == LEGAL[action, status]
        assert change.task.version == 8
        assert change.task.update_time is MOMENT
        assert "status" in change.fields
    else:
        with pytest.raises(IllegalTransition) as refusal:
            transition(task, action)
        assert status.name in str(refusal.value)
        allowed = {name for name, rule in TRANSITIONS.items() if status in rule.sources}
        assert all(name in refusal.value.metadata["allowed"] for name in allowed)


@pytest.mark.parametrize("action", Action)
def test_a_deleted_task_goes_nowhere(action: Action) -> None:
    with pytest.raises(TaskNotFound):
        transition(replace(TASK, delete_time=THEN), action)


def test_the_stamps_tell_when_it_was_started_last_and_when_it_ended() -> None:
    started = transition(TASK, Action.START).task
    assert (started.start_time, started.end_time) == (MOMENT, None)
    ended = transition(replace(started, start_time=THEN), Action.COMPLETE).task
    assert (ended.start_time, ended.end_time) == (THEN, MOMENT)
    reopened = transition(replace(ended, end_time=THEN), Action.REOPEN).task
    assert (reopened.start_time, reopened.end_time) == (THEN, None)


def test_an_event_tells_of_the_status_not_of_its_stamps() -> None:
    assert transition(TASK, Action.COMPLETE).fields == ("status",)


def test_a_worker_leaves_its_result_or_its_error() -> None:
    leased = replace(TASK, status=Status.IN_PROGRESS, worker="w", lease_expire_time=THEN, progress_percent=50)
    done = transition(leased, Action.COMPLETE, result={"a": 1})
    assert (done.task.result, done.task.worker, done.task.lease_expire_time) == ({"a": 1}, "", None)
    assert done.fields == ("status", "result", "lease_expire_time", "worker")
    failed = transition(leased, Action.FAIL, last_error="boom")
    assert (failed.task.last_error, failed.task.progress_percent) == ("boom", 50)
    again = transition(leased, Action.RETRY, last_error="boom")
    assert (again.task.status, again.task.progress_percent) == (Status.PENDING, 0)
    assert "progress" in again.fields


def test_progress_is_made_while_running_only() -> None:
    running = replace(TASK, status=Status.IN_PROGRESS)
    change = progress(running, 40, "reading")
    assert change is not None
    assert (change.type, change.fields, change.task.version) == ("task.progressed", ("progress",), 8)
    assert progress(change.task, 40, "reading") is None
    with pytest.raises(IllegalTransition, match="PENDING"):
        progress(TASK, 40, "reading")
