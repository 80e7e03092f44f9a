"""Deadlines are told of once, whoever looks at them."""

from datetime import UTC, datetime, timedelta

import pytest

from tasksvc.domain.change import restore
from tasksvc.domain.transitions import Action
from tests.integration.tasksvc.workers.crew import Crew

MINUTE = timedelta(minutes=1)


def from_now(time: timedelta) -> datetime:
    return datetime.now(UTC) + time


async def test_a_deadline_is_told_of_before_and_after_once_each(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(30 * MINUTE))
    await crew.tell()
    await crew.tell()
    assert await crew.told(task) == ["due_soon"]
    # As if half an hour had passed.
    await crew.sql("UPDATE deadlines SET due_time = now() - interval '1 minute' WHERE task_id = $1", task.id)
    await crew.tell()
    await crew.tell()
    assert await crew.told(task) == ["due_soon", "overdue"]


async def test_it_is_told_by_nobody_of_a_task_that_has_not_changed_but_for_its_version(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(-MINUTE))
    await crew.tell()
    (event,) = (await crew.events(task))[1:]
    assert (event["actor_id"], event["changed_fields"], event["version"]) == (None, [], 2)
    assert (await crew.now(task)).version == 2


async def test_other_replicas_show_it_at_once(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(30 * MINUTE))
    other = crew.hands[2].replica
    await other.believes()
    await other.caches(task.id)
    await crew.tell()
    assert (await other.get(task.id)).version == 2


async def test_what_is_late_already_is_not_due_soon(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(-MINUTE))
    await crew.tell()
    assert await crew.told(task) == ["overdue"]


async def test_what_is_due_much_later_is_not_told_of(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(61 * MINUTE))
    await crew.tell()
    assert await crew.told(task) == []


async def test_another_deadline_is_told_of_again(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(-MINUTE))
    await crew.tell()
    await crew.update(task, due_time=from_now(30 * MINUTE))
    await crew.update(task, title="another")
    await crew.tell()
    assert await crew.told(task) == ["overdue", "updated", "updated", "due_soon"]
    await crew.update(task, due_time=None)
    await crew.tell()
    await crew.update(task, due_time=from_now(-MINUTE))
    await crew.tell()
    assert (await crew.told(task))[4:] == ["updated", "updated", "overdue"]


@pytest.mark.parametrize("action", [Action.COMPLETE, Action.CANCEL])
async def test_a_deadline_of_a_task_that_has_ended_is_not_told_of(crew: Crew, action: Action) -> None:
    task = await crew.add(due_time=from_now(-MINUTE))
    await crew.end(task, action)
    await crew.tell()
    assert len(await crew.told(task)) == 1
    await crew.end(task, Action.REOPEN)
    await crew.tell()
    assert (await crew.told(task))[1:] == ["reopened", "overdue"]


async def test_a_reopened_task_is_not_told_of_again(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(-MINUTE))
    await crew.tell()
    await crew.end(task)
    await crew.end(task, Action.REOPEN)
    await crew.tell()
    assert await crew.told(task) == ["overdue", "completed", "reopened"]


async def test_a_deadline_of_a_deleted_task_is_told_of_when_it_is_restored(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(-MINUTE))
    await crew.delete(task)
    await crew.tell()
    assert await crew.told(task) == ["deleted"]
    await crew.do(task, restore)
    await crew.tell()
    assert await crew.told(task) == ["deleted", "restored", "overdue"]


async def test_many_deadlines_are_told_of_once_by_three_replicas_at_the_same_time(crew: Crew) -> None:
    tasks = [await crew.add(str(number), due_time=from_now(-MINUTE)) for number in range(250)]
    await crew.tell()
    for task in tasks:
        assert await crew.told(task) == ["overdue"]


async def test_deadlines_of_a_deleted_project_are_told_to_nobody(crew: Crew) -> None:
    task = await crew.add(due_time=from_now(-MINUTE))
    await crew.sql("UPDATE projects SET delete_time = now() WHERE id = $1", task.project_id)
    try:
        await crew.tell()
    finally:
        await crew.sql("UPDATE projects SET delete_time = NULL WHERE id = $1", task.project_id)
    assert await crew.told(task) == []
