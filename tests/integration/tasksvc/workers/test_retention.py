"""What isn't kept goes, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.caller import Call, Caller, as_call
from chassis.errors import TaskNotFound
from tasksvc.comment_store import CommentStore, Home
from tasksvc.domain.change import restore
from tasksvc.domain.task import RecurrenceMode, Task, UniqueScope
from tasksvc.domain.transitions import Action
from tasksvc.task_store import Edit
from tasksvc.task_to_pb import task_to_pb
from tests.integration.tasksvc.workers.crew import Crew


async def pass_two_hours(crew: Crew, *tasks: Task) -> None:
    """As if everything about the tasks were two hours older, and published long ago."""
    await crew.sql(
        "UPDATE tasks SET create_time = create_time - past, update_time = update_time - past,"
        " end_time = end_time - past, delete_time = delete_time - past"
        " FROM (SELECT interval '2 hours' AS past) AS moved WHERE id = ANY($1::uuid[])",
        [task.id for task in tasks],
    )
    await publish(crew, *tasks)


async def publish(crew: Crew, *tasks: Task) -> None:
    await crew.sql(
        "UPDATE events SET stream_sequence = id WHERE task_id = ANY($1::uuid[])", [task.id for task in tasks]
    )


@pytest.fixture
async def queue(crew: Crew) -> str:
    """A queue that keeps ended tasks for an hour."""
    task = await crew.add("first", queue="brief")
    await crew.sql("UPDATE queues SET retention = 3600 WHERE name = 'brief'")
    await crew.end(task)
    return "brief"


async def test_ended_tasks_of_a_queue_are_deleted_when_it_says_so(crew: Crew, queue: str) -> None:
    ended = [await crew.add(str(number), queue=queue) for number in range(10)]
    for number, task in enumerate(ended):
        await crew.end(task, Action.CANCEL if number % 2 else Action.COMPLETE)
    young, waiting, running = [await crew.add(each, queue=queue) for each in ("young", "waiting", "running")]
    await crew.end(young)
    await crew.end(running, Action.START)
    others = [await crew.add("another queue", queue="kept"), await crew.add("a person's")]
    for task in others:
        await crew.end(task)
    await pass_two_hours(crew, *ended, waiting, running, *others)
    await crew.keep_house()
    for task in ended:
        assert (await crew.now(task)).delete_time is not None
        assert (await crew.told(task))[1:] == ["deleted"]
        assert (await crew.events(task))[-1]["actor_id"] is None
    for task in (young, waiting, running, *others):
        assert (await crew.now(task)).delete_time is None


async def test_a_task_that_was_restored_or_reopened_stays(crew: Crew, queue: str) -> None:
    restored, reopened = [await crew.add(each, queue=queue) for each in ("restored", "reopened")]
    for task in (restored, reopened):
        await crew.end(task)
    await pass_two_hours(crew, restored, reopened)
    await crew.keep_house()
    await crew.do(restored, restore)
    await crew.do(reopened, restore)
    await crew.end(reopened, Action.REOPEN)
    await pass_two_hours(crew, reopened)
    await crew.keep_house()
    assert (await crew.now(restored)).delete_time is None
    assert (await crew.now(reopened)).delete_time is None


async def test_the_task_that_a_series_goes_on_from_stays(crew: Crew, queue: str) -> None:
    scheduled: dict[str, Any] = {"recurrence": "FREQ=DAILY", "recurrence_mode": RecurrenceMode.ON_SCHEDULE}
    task = await crew.add(queue=queue, **scheduled, schedule_time=datetime.now(UTC) - timedelta(hours=3))
    await crew.go_on()
    await crew.end(task)
    await crew.go_on()
    await pass_two_hours(crew, task)
    await crew.keep_house()
    assert (await crew.now(task)).delete_time is None
    await crew.sql("UPDATE tasks SET schedule_time = schedule_time - interval '1 day' WHERE id = $1", task.id)
    await crew.go_on()
    assert len(await crew.series(task)) == 2
    await crew.keep_house()
    assert (await crew.now(task)).delete_time is not None


async def test_a_task_deleted_long_ago_is_removed_with_its_history(crew: Crew) -> None:
    old = await crew.add(recurrence="FREQ=DAILY", due_time=datetime.now(UTC))
    young, there = await crew.add(), await crew.add()
    await crew.delete(old)
    await crew.delete(young)
    await pass_two_hours(crew, old, there)
    await crew.keep_house()
    assert await crew.store.get(crew.pool, old.id) is None
    assert await crew.events(old) == []
    kept = "SELECT FROM deadlines WHERE task_id = $1 UNION ALL SELECT FROM recurrences WHERE task_id = $1"
    assert await crew.pool.fetch(kept, UUID(old.id)) == []
    assert (await crew.now(young)).delete_time is not None
    assert (await crew.now(there)).delete_time is None
    assert len(await crew.events(young)) == 2


async def test_its_comments_go_with_it(crew: Crew) -> None:
    old, there = await crew.add(), await crew.add()
    for task in (old, there):
        with as_call(Call(caller=Caller(task.creator_id))):
            await CommentStore().create(crew.pool, Home(task.id, task.project_id), "hello")
    await crew.delete(old)
    await pass_two_hours(crew, old, there)
    await crew.keep_house()
    assert await crew.store.get(crew.pool, old.id) is None
    rows = await crew.pool.fetch("SELECT task_id FROM comments")
    assert [str(row["task_id"]) for row in rows] == [there.id]
    assert await crew.events(old) == []


async def test_what_is_not_published_yet_is_kept(crew: Crew) -> None:
    task = await crew.add()
    await crew.delete(task)
    await pass_two_hours(crew, task)
    await crew.sql("UPDATE events SET stream_sequence = NULL WHERE task_id = $1 AND version = 2", task.id)
    await crew.keep_house()
    assert (await crew.now(task)).delete_time is not None
    await publish(crew, task)
    await crew.keep_house()
    assert await crew.store.get(crew.pool, task.id) is None


async def test_what_was_part_of_a_removed_task_or_waited_for_it_stands_alone(crew: Crew) -> None:
    old = await crew.add("old")
    part = await crew.add("part", parent_id=old.id)
    deleted_part = await crew.add("deleted part", parent_id=old.id)
    other = await crew.add("other")
    waiting = await crew.add("waiting", queue="jobs", blocked_by=(old.id, other.id))
    for task in (deleted_part, old):
        await crew.delete(task)
    await pass_two_hours(crew, old)
    await crew.keep_house()
    assert await crew.store.get(crew.pool, old.id) is None
    for task in (part, deleted_part):
        assert (await crew.now(task)).parent_id is None
    assert (await crew.now(waiting)).blocked_by == (other.id,)
    event = (await crew.events(part))[-1]
    assert (event["type"], event["changed_fields"], event["actor_id"]) == ("task.updated", ["parent_id"], None)


async def test_a_whole_tree_is_removed_at_once(crew: Crew) -> None:
    root = await crew.add("root")
    parts = [await crew.add(str(number), parent_id=root.id) for number in range(3)]
    leaf = await crew.add("leaf", parent_id=parts[0].id)
    for task in (root, *parts, leaf):
        await crew.delete(task)
    await pass_two_hours(crew, root, *parts, leaf)
    await crew.keep_house()
    for task in (root, *parts, leaf):
        assert await crew.store.get(crew.pool, task.id) is None


async def test_a_change_of_a_task_that_was_removed_meanwhile_finds_none(crew: Crew) -> None:
    task = await crew.add()
    deleted = await crew.delete(task)
    await pass_two_hours(crew, task)
    await crew.keep_house()
    with pytest.raises(TaskNotFound):
        await crew.store.change_all(crew.pool, [Edit(deleted, restore)])


async def test_the_cache_never_shows_a_removed_task(crew: Crew) -> None:
    task = await crew.add()
    seen = crew.hands[1].replica
    await seen.believes()
    await seen.caches(task.id)
    deleted = await crew.delete(task)
    await crew.first.replica.keep(task_to_pb(deleted))
    await pass_two_hours(crew, task)
    await crew.keep_house()
    assert await crew.store.get(crew.pool, task.id) is None
    found = await seen.cache.get(task.id, lambda: seen.load(task.id))
    assert found is None or found.HasField("delete_time")


async def test_unique_keys_go_when_their_period_is_over(crew: Crew) -> None:
    for key in ("old", "young"):
        await crew.add(unique_key=key, unique_scope=UniqueScope.PERIOD, unique_period=3600.0)
    await crew.sql("UPDATE unique_keys SET until = now() - interval '1 second' WHERE key = 'old'")
    await crew.keep_house()
    rows = await crew.pool.fetch("SELECT key FROM unique_keys WHERE until IS NOT NULL")
    assert [row["key"] for row in rows] == ["young"]
