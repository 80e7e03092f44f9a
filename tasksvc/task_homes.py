"""Where tasks may stand, and with whom: under tasks of their project, with its members."""

from collections.abc import Collection, Mapping, Sequence

from chassis.caller import current_call
from chassis.errors import InvalidField
from chassis.postgres import Executor
from tasksvc.domain.change import Change
from tasksvc.domain.task import Task
from tasksvc.places import at
from tasksvc.statements import SQL


async def hold_parents(db: Executor, task_ids: Collection[str]) -> dict[str, str]:
    """The projects of those of these tasks that are there; they stay in them until the transaction ends."""
    rows = await db.fetch(SQL["hold_parents"], task_ids)
    return {str(row["id"]): str(row["project_id"]) for row in rows}


def check_parents(changes: Sequence[Change], places: Sequence[str], projects: Mapping[str, str]) -> None:
    """Refuses first versions under tasks that aren't in their project; `projects` has those that are anywhere."""
    for change, place in zip(changes, places, strict=True):
        parent = change.task.parent_id
        if parent and projects.get(parent) != change.task.project_id:
            with at(place):
                raise no_parent(parent)


async def check_assignees(db: Executor, changes: Sequence[Change], places: Sequence[str]) -> None:
    """Refuses tasks that come to somebody who is no member of their project."""
    call = current_call.get()
    caller = call.caller.user_id if call.caller else ""
    assigned = {
        (change.task.project_id, change.task.assignee_id): place
        for change, place in zip(changes, places, strict=True)
        if change.task.assignee_id and not {"assignee_id", "project_id"}.isdisjoint(change.fields)
    }
    # Whose role was looked at when the call began.
    pairs = [pair for pair in assigned if pair[1] != caller]
    if not pairs:
        return
    projects, users = zip(*pairs, strict=True)
    for row in await db.fetch(SQL["list_strangers"], projects, users):
        with at(assigned[row["project_id"], row["user_id"]]):
            raise InvalidField.named("task.assignee_id", row["user_id"], "must be a member of the task's project")


async def check_homes(db: Executor, rehomed: Mapping[str, tuple[Task, str]]) -> None:
    """Refuses tasks, given with their places, that were just put where none can be; the transaction goes with it."""
    for row in await db.fetch(SQL["misplaced_tasks"], list(rehomed)):
        task, place = rehomed[str(row["id"])]
        with at(place):
            if row["parent_elsewhere"]:
                raise no_parent(task.parent_id)
            if row["in_circle"]:
                raise InvalidField.named(
                    "task.parent_id", task.parent_id, "must not be the task itself or a part of it"
                )
            if row["left_subtasks"]:
                told = "would leave subtasks behind: move them too, or free them"
                raise InvalidField.named("task.project_id", task.project_id, told)


def no_parent(parent: str | None) -> InvalidField:
    """The error for a task that can't be another one's parent."""
    return InvalidField.named("task.parent_id", parent, "must be a task of the same project")
