"""Many tasks in one call: all or nothing."""

from typing import Any

import pytest
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import EtagMismatch, InvalidField, InvalidUpdateMask, ProjectNotFound, TaskNotFound
from tests.integration.tasksvc.conftest import Newcomer, Person

NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def eve(newcomer: Newcomer) -> Person:
    """Somebody without tasks."""
    return await newcomer()


async def create(person: Person, *tasks: pb.Task, **values: Any) -> list[pb.Task]:
    requests = [pb.CreateTaskRequest(task=task) for task in tasks]
    answer = await person.api.tasks.BatchCreateTasks(pb.BatchCreateTasksRequest(requests=requests, **values))
    return list(answer.tasks)


async def update(person: Person, *tasks: pb.Task, **values: Any) -> list[pb.Task]:
    requests = [pb.UpdateTaskRequest(task=task) for task in tasks]
    answer = await person.api.tasks.BatchUpdateTasks(pb.BatchUpdateTasksRequest(requests=requests, **values))
    return list(answer.tasks)


async def delete(person: Person, *ids: str, **values: Any) -> list[pb.Task]:
    return list((await person.api.tasks.BatchDeleteTasks(pb.BatchDeleteTasksRequest(ids=ids, **values))).tasks)


async def titles(person: Person) -> list[str]:
    answer = await person.api.tasks.ListTasks(pb.ListTasksRequest(order_by="title", page_size=1000))
    return [task.title for task in answer.tasks]


async def test_a_thousand_tasks_are_made_changed_and_deleted_in_their_order(eve: Person) -> None:
    names = [f"task {number:03}" for number in range(1000)]
    made = await create(eve, *(pb.Task(title=name) for name in names))
    assert [task.title for task in made] == names
    assert await titles(eve) == names
    changed = await update(eve, *(pb.Task(id=task.id, priority=pb.Task.LOW) for task in made[::-1]))
    assert [task.id for task in changed] == [task.id for task in made[::-1]]
    assert {(task.priority, task.version) for task in changed} == {(pb.Task.LOW, 2)}
    gone = await delete(eve, *(task.id for task in made))
    assert [task.id for task in gone] == [task.id for task in made]
    assert all(task.HasField("delete_time") for task in gone)
    assert await titles(eve) == []


async def test_one_bad_task_among_many_means_none(eve: Person, bob: Person) -> None:
    good = pb.Task(title="good")
    with pytest.raises(InvalidField) as refusal:
        await create(eve, good, good, pb.Task(title=" "))
    assert [violation.field for violation in refusal.value.violations] == ["requests[2].task.title"]
    with pytest.raises(InvalidField) as refusal:
        await create(eve, good, pb.Task(title="x", assignee_id=bob.id))
    assert [violation.field for violation in refusal.value.violations] == ["requests[1].task.assignee_id"]
    with pytest.raises(InvalidField) as refusal:
        await create(eve, good, pb.Task(title="x", parent_id=NOWHERE))
    assert [violation.field for violation in refusal.value.violations] == ["requests[1].task.parent_id"]
    with pytest.raises(ProjectNotFound, match=r"^requests\[1\]"):
        await create(eve, good, pb.Task(title="x", project_id=NOWHERE))
    assert await titles(eve) == []


async def test_one_bad_change_among_many_means_none(eve: Person) -> None:
    one, two = await create(eve, pb.Task(title="one"), pb.Task(title="two"))
    fine = pb.Task(id=one.id, title="changed")
    with pytest.raises(EtagMismatch, match=r"^requests\[1\]"):
        await update(eve, fine, pb.Task(id=two.id, title="changed", etag="stale"))
    with pytest.raises(TaskNotFound, match=r"^requests\[1\]"):
        await update(eve, fine, pb.Task(id=NOWHERE, title="changed"))
    with pytest.raises(InvalidField) as refusal:
        await update(eve, fine, pb.Task(id=two.id, parent_id=two.id))
    assert [violation.field for violation in refusal.value.violations] == ["requests[1].task.parent_id"]
    with pytest.raises(InvalidUpdateMask, match=r"^requests\[1\]"):
        await update(eve, fine, pb.Task(id=two.id, queue="q"))
    with pytest.raises(InvalidField, match="twice") as refusal:
        await update(eve, fine, pb.Task(id=one.id.upper(), title="again"))
    assert [violation.field for violation in refusal.value.violations] == ["requests[1].task.id"]
    assert await titles(eve) == ["one", "two"]


async def test_one_unknown_id_among_many_deletes_none(eve: Person, bob: Person) -> None:
    (mine,) = await create(eve, pb.Task(title="mine"))
    (bobs,) = await create(bob, pb.Task(title="bob's"))
    for unknown in (NOWHERE, bobs.id):
        with pytest.raises(TaskNotFound, match=r"^ids\[1\]"):
            await delete(eve, mine.id, unknown)
    with pytest.raises(InvalidField):
        await delete(eve, mine.id, mine.id.upper())
    assert await titles(eve) == ["mine"]


async def test_a_batch_leaves_alone_what_it_does_not_change(eve: Person) -> None:
    one, two = await create(eve, pb.Task(title="one"), pb.Task(title="two"))
    after = await update(eve, pb.Task(id=one.id, title="one"), pb.Task(id=two.id, title="2"))
    assert [(task.title, task.version) for task in after] == [("one", 1), ("2", 2)]


async def test_a_repeated_batch_is_made_once(eve: Person) -> None:
    first = await create(eve, pb.Task(title="once"), request_id="batch")
    assert await create(eve, pb.Task(title="once"), request_id="batch") == first
    gone = await delete(eve, first[0].id, request_id="gone")
    assert await delete(eve, first[0].id, request_id="gone") == gone
    assert await titles(eve) == []


async def test_how_many_is_limited(eve: Person) -> None:
    with pytest.raises(InvalidField):
        await create(eve)
    with pytest.raises(InvalidField):
        await create(eve, *([pb.Task(title="x")] * 1001))
    with pytest.raises(InvalidField):
        await delete(eve)
