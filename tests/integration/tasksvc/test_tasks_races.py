"""Changes that meet: none is lost, none is made twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from functools import partial
from typing import TypeVar

import asyncpg
import pytest
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import EtagMismatch, IllegalTransition, InvalidField, ServiceError
from chassis.postgres import Pool, connect
from tasksvc.domain.change import Change
from tasksvc.domain.task import Status, Task
from tasksvc.domain.transitions import Action, progress, transition
from tasksvc.task_store import Edit, TaskStore
from tests.integration.tasksvc.conftest import Person

T = TypeVar("T")


@pytest.fixture(scope="module")
async def pool(database: str) -> AsyncIterator[Pool]:
    """The store's own way into the module's database."""
    async with connect(database, "tasksvc", 4) as opened:
        yield opened


@pytest.fixture
async def task(ann: Person) -> pb.Task:
    return await create(ann, "milk")


async def create(person: Person, title: str) -> pb.Task:
    return await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title=title)))


async def get(person: Person, task: pb.Task) -> pb.Task:
    return await person.api.tasks.GetTask(pb.GetTaskRequest(id=task.id))


async def all_of(calls: Sequence[Awaitable[T]]) -> tuple[list[T], list[BaseException]]:
    """The answers and the refusals of calls made at once."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    good = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    return good, [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


async def versions(sql: "asyncpg.Connection[asyncpg.Record]", task: pb.Task) -> list[int]:
    rows = await sql.fetch("SELECT version FROM events WHERE task_id = $1 ORDER BY id", task.id)
    return [row["version"] for row in rows]


async def test_of_many_completions_one_wins(ann: Person, task: pb.Task) -> None:
    request = pb.CompleteTaskRequest(id=task.id)
    done, refused = await all_of([ann.api.tasks.CompleteTask(request) for _ in range(12)])
    assert [each.version for each in done] == [2]
    assert {type(each) for each in refused} == {IllegalTransition}


async def test_fields_set_at_once_all_survive(
    ann: Person, task: pb.Task, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    changes = [
        pb.Task(id=task.id, title="bread"),
        pb.Task(id=task.id, description="white"),
        pb.Task(id=task.id, priority=pb.Task.URGENT),
        pb.Task(id=task.id, labels=["a"]),
        pb.Task(id=task.id, assignee_id=ann.id),
    ]
    calls: list[Awaitable[pb.Task]] = [ann.api.tasks.UpdateTask(pb.UpdateTaskRequest(task=each)) for each in changes]
    _, refused = await all_of([*calls, ann.api.tasks.StartTask(pb.StartTaskRequest(id=task.id))])
    assert not refused
    after = await get(ann, task)
    assert (after.title, after.description, after.priority) == ("bread", "white", pb.Task.URGENT)
    assert (list(after.labels), after.assignee_id, after.status) == (["a"], ann.id, pb.Task.IN_PROGRESS)
    assert await versions(sql, task) == [1, 2, 3, 4, 5, 6, 7]


async def test_of_many_updates_with_the_same_etag_one_wins(ann: Person, task: pb.Task) -> None:
    changes = [pb.Task(id=task.id, title=f"title {number}", etag=task.etag) for number in range(8)]
    done, refused = await all_of([ann.api.tasks.UpdateTask(pb.UpdateTaskRequest(task=each)) for each in changes])
    assert len(done) == 1
    assert {type(each) for each in refused} == {EtagMismatch}
    assert await get(ann, task) == done[0]


async def test_batches_in_opposite_orders_do_not_wait_for_each_other(ann: Person) -> None:
    made = [await create(ann, f"task {number}") for number in range(10)]

    def batch(tasks: Sequence[pb.Task], description: str) -> Awaitable[pb.BatchUpdateTasksResponse]:
        changed = [pb.Task(id=task.id, description=description) for task in tasks]
        requests = [pb.UpdateTaskRequest(task=task) for task in changed]
        return ann.api.tasks.BatchUpdateTasks(pb.BatchUpdateTasksRequest(requests=requests))

    calls = [batch(made if number % 2 else made[::-1], f"by {number}") for number in range(8)]
    done, refused = await all_of(calls)
    assert (len(done), refused) == (8, [])
    after = [await get(ann, task) for task in made]
    assert len({task.description for task in after}) == 1
    assert {task.version for task in after} == {9}


async def test_no_circle_is_closed_from_two_sides(ann: Person) -> None:
    a, b, c, d = [await create(ann, name) for name in "abcd"]
    await put_under(ann, b, c)
    await put_under(ann, d, a)
    # Each is right by itself; both would make a part of its own parts out of every one of them.
    done, refused = await all_of([put_under(ann, a, b), put_under(ann, c, d)])
    assert len(done) == 1
    assert [type(error) for error in refused] == [InvalidField]


async def put_under(person: Person, task: pb.Task, parent: pb.Task) -> pb.Task:
    changed = pb.Task(id=task.id, parent_id=parent.id)
    return await person.api.tasks.UpdateTask(pb.UpdateTaskRequest(task=changed))


async def test_a_writer_that_lost_decides_again_on_what_is_there(ann: Person, task: pb.Task, pool: Pool) -> None:
    store = TaskStore()
    seen = await store.get(pool, task.id)
    assert seen is not None
    await ann.api.tasks.UpdateTask(pb.UpdateTaskRequest(task=pb.Task(id=task.id, title="bread")))
    asked: list[int] = []

    def decide(present: Task) -> Change:
        asked.append(present.version)
        return transition(present, Action.START)

    started = (await store.change(pool, Edit(seen, decide))).tasks[0]
    assert (started.title, started.status, started.version) == ("bread", Status.IN_PROGRESS, 3)
    assert asked[-1] == 2


async def test_a_worker_reports_progress_and_ends_the_task(ann: Person, task: pb.Task, pool: Pool) -> None:
    store = TaskStore()
    seen = await store.get(pool, task.id)
    assert seen is not None
    started = (
        await store.change(pool, Edit(seen, partial(transition, action=Action.START, worker="w", attempt=1)))
    ).tasks[0]
    halfway = (await store.change(pool, Edit(started, partial(progress, percent=50, message="half")))).tasks[0]
    assert (halfway.progress_percent, halfway.progress_message) == (50, "half")
    failed = (
        await store.change(pool, Edit(halfway, partial(transition, action=Action.FAIL, last_error="no power")))
    ).tasks[0]
    assert (failed.status, failed.last_error, failed.worker) == (Status.FAILED, "no power", "")
    changes = await store.history(pool, task.id, None, 3, newest_first=True)
    assert [(change.type, change.actor_id) for change in changes.items] == [
        ("task.failed", None),
        ("task.progressed", None),
        ("task.started", None),
    ]
    again = (await store.change(pool, Edit(failed, partial(transition, action=Action.REOPEN)))).tasks[0]
    done = (
        await store.change(pool, Edit(again, partial(transition, action=Action.COMPLETE, result={"sum": 3})))
    ).tasks[0]
    assert done.result == {"sum": 3}
    assert (await store.history(pool, task.id, None, 1, newest_first=True)).items[0].fields == ("status", "result")


async def test_a_refused_change_in_a_batch_leaves_all_as_they_were(ann: Person, pool: Pool) -> None:
    made = [await create(ann, f"task {number}") for number in range(3)]
    store = TaskStore()
    seen = [task for each in made if (task := await store.get(pool, each.id)) is not None]
    actions = [Action.START, Action.START, Action.REOPEN]
    edits = [Edit(task, partial(transition, action=action)) for task, action in zip(seen, actions, strict=True)]
    with pytest.raises(ServiceError):
        await store.change_all(pool, edits)
    assert list((await store.get_all(pool, [task.id for task in seen])).values()) == seen
