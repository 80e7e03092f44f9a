"""Tasks that wait for others: each knows its blockers, and a job how many of them are open.

A task that comes to block another is locked by whoever puts it there, and by whoever completes, deletes, reopens or
restores it: so one of the two sees what the other did. What is only read is marked by `tasks.blocks`, and a statement
that completes without having locked leaves such a task alone.
"""

from collections.abc import Collection, Mapping, Sequence

from chassis.caller import current_call
from chassis.errors import InvalidField, TaskBlocked
from chassis.postgres import Executor
from tasksvc.domain.task import Status, Task
from tasksvc.jobs import Followed
from tasksvc.places import at
from tasksvc.statements import SQL


def is_open(task: Task) -> bool:
    """Whether those wait that the task blocks."""
    return task.status is not Status.COMPLETED and task.delete_time is None


async def check_seen(db: Executor, added: Mapping[str, Collection[str]]) -> None:
    """Refuses blockers, given by place, that the caller sees no tasks in."""
    caller = current_call.get().caller
    blockers = {blocker for each in added.values() for blocker in each}
    rows = await db.fetch(SQL["find_unseen"], blockers, (caller.user_id if caller else "") or None)
    unseen = {row["id"] for row in rows}
    for place, each in added.items():
        for blocker in each:
            if blocker in unseen:
                with at(place):
                    raise InvalidField.named("task.blocked_by", blocker, "is no task that you may see")


async def check_free(db: Executor, begun: Mapping[str, str]) -> None:
    """Refuses to begin tasks, given with their places, while others block them."""
    open_blockers: dict[str, list[str]] = {}
    for row in await db.fetch(SQL["find_open_blockers"], list(begun)):
        open_blockers.setdefault(row["task_id"], []).append(row["blocker_id"])
    for task_id, blockers in open_blockers.items():
        with at(begun[task_id]):
            told = ", ".join(blockers)
            raise TaskBlocked(f"The task {task_id} waits for others: {told}.", metadata={"blocked_by": told})


async def set_blockers(db: Executor, tasks: Sequence[Task]) -> None:
    """Stores what the tasks wait for; they and all blockers, also the former ones, are locked."""
    pairs = [(task.id, blocker) for task in tasks for blocker in task.blocked_by]
    waiting, blockers = [task for task, _ in pairs], [blocker for _, blocker in pairs]
    await db.execute(SQL["set_blockers"], [task.id for task in tasks], waiting, blockers)


async def check_circles(db: Executor, places: Mapping[str, str]) -> None:
    """Refuses tasks, given with their places, that wait for themselves now."""
    for row in await db.fetch(SQL["find_circles"], list(places)):
        with at(places[row["task_id"]]):
            raise InvalidField.named("task.blocked_by", row["task_id"], "would make the task wait for itself")


async def follow_blockers(db: Executor, task_ids: Collection[str]) -> Followed:
    """Lets those go on that waited for these tasks, or makes them wait again."""
    return Followed.of(await db.fetch(SQL["follow_blockers"], task_ids))
