"""Who has which unique_key: taken and freed with the changes of the tasks, in their transactions."""

from collections.abc import Sequence

from chassis.errors import UniqueKeyTaken
from chassis.postgres import Executor
from tasksvc.domain.task import Task
from tasksvc.places import at
from tasksvc.statements import SQL


async def take_unique_keys(db: Executor, tasks: Sequence[Task], places: Sequence[str]) -> None:
    """Gives the tasks their keys. Raises UniqueKeyTaken if another has one of them; the transaction goes with it."""
    first: dict[tuple[str, str, str], str] = {}
    for task, place in zip(tasks, places, strict=True):
        if (other := first.setdefault(_key(task), place)) is not place:
            with at(place):
                raise UniqueKeyTaken(f"The unique_key {task.unique_key!r} is that of {other} already.")
    projects, queues, keys = zip(*map(_key, tasks), strict=True)
    ids = [task.id for task in tasks]
    rows = await db.fetch(SQL["take_unique_keys"], projects, queues, keys, ids, [task.unique_period for task in tasks])
    if len(rows) == len(tasks):
        return
    got = {str(row["task_id"]) for row in rows}
    held = await db.fetch(SQL["find_unique_keys"], projects, queues, keys)
    holders = {(str(row["project_id"]), row["queue"], row["key"]): str(row["task_id"]) for row in held}
    for task, place in zip(tasks, places, strict=True):
        if task.id not in got:
            with at(place):
                holder = holders.get(_key(task), "")
                raise UniqueKeyTaken(
                    f"The unique_key {task.unique_key!r} is taken by the task {holder}.", metadata={"task_id": holder}
                )


async def free_unique_keys(db: Executor, tasks: Sequence[Task]) -> None:
    """Frees the keys that the tasks have; those that others have stay theirs."""
    projects, queues, keys = zip(*map(_key, tasks), strict=True)
    await db.execute(SQL["free_unique_keys"], projects, queues, keys, [task.id for task in tasks])


def _key(task: Task) -> tuple[str, str, str]:
    return task.project_id, task.queue, task.unique_key
