"""What a task goes through, as one caller sees it."""

from typing import Any

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import (
    EtagMismatch,
    IllegalTransition,
    InvalidField,
    InvalidPageToken,
    InvalidUpdateMask,
    ProjectNotFound,
    RequestIdReused,
    RoleTooLow,
    TaskNotDeleted,
    TaskNotFound,
)
from tests.integration.tasksvc.conftest import Person

NOWHERE = "00000000-0000-7000-8000-000000000000"


async def create(person: Person, title: str = "milk", **values: Any) -> pb.Task:
    task = pb.Task(title=title, **values)
    return await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=task))


async def get(person: Person, task: pb.Task) -> pb.Task:
    return await person.api.tasks.GetTask(pb.GetTaskRequest(id=task.id))


async def update(person: Person, task: pb.Task, *mask: str, **values: Any) -> pb.Task:
    changed = pb.Task(id=task.id, **values)
    request = pb.UpdateTaskRequest(task=changed, update_mask=FieldMask(paths=mask))
    return await person.api.tasks.UpdateTask(request)


async def history(person: Person, task: pb.Task) -> list[pb.TaskChange]:
    answer = await person.api.tasks.ListTaskHistory(pb.ListTaskHistoryRequest(id=task.id))
    return list(answer.history)


@pytest.fixture
async def task(ann: Person) -> pb.Task:
    return await create(ann)


@pytest.fixture
async def shared(ann: Person, bob: Person) -> projects.Project:
    """A project of Ann's that Bob may look at."""
    project = await ann.api.projects.CreateProject(projects.CreateProjectRequest(project=projects.Project(title="x")))
    member = projects.Member(user_id=bob.id, role=projects.Member.VIEWER)
    await ann.api.projects.AddMember(projects.AddMemberRequest(project_id=project.id, member=member))
    return project


async def test_a_new_task_is_what_was_said_and_read_back_the_same(ann: Person) -> None:
    payload = Struct()
    payload.update({"n": 1, "list": [True, None, "x", 1.5], "deep": {"ключ": "значение"}})
    said = pb.Task(
        title="Молоко <b>& хлеб",
        description="two\nlines \U0001f600",
        priority=pb.Task.HIGH,
        labels=["b", "a", "b"],
        assignee_id=ann.id.upper(),
        due_time=Timestamp(seconds=1_900_000_000, nanos=123456789),
        schedule_time=Timestamp(seconds=-62135596800),
        queue="mail",
        payload=payload,
    )
    made = await ann.api.tasks.CreateTask(pb.CreateTaskRequest(task=said))
    assert made == await get(ann, made)
    assert (made.title, made.description, made.priority) == (said.title, said.description, pb.Task.HIGH)
    assert (list(made.labels), made.assignee_id, made.creator_id) == (["b", "a"], ann.id, ann.id)
    assert (made.due_time.seconds, made.due_time.nanos) == (1_900_000_000, 123456000)
    assert made.schedule_time == said.schedule_time
    assert (made.queue, made.payload) == ("mail", payload)
    assert (made.status, made.version, made.project_id) == (pb.Task.PENDING, 1, ann.user.personal_project_id)
    assert made.etag
    assert not made.HasField("end_time")
    assert not made.HasField("progress")


async def test_what_the_server_owns_is_ignored_in_a_new_task(ann: Person, bob: Person) -> None:
    made = await create(
        ann,
        id=NOWHERE,
        status=pb.Task.FAILED,
        creator_id=bob.id,
        version=9,
        attempt=3,
        last_error="no",
        worker="w",
        delete_time=Timestamp(seconds=1),
    )
    assert made.id != NOWHERE
    assert (made.status, made.creator_id, made.version) == (pb.Task.PENDING, ann.id, 1)
    assert (made.attempt, made.last_error, made.worker, made.HasField("delete_time")) == (0, "", "", False)


async def test_an_update_changes_the_fields_of_its_mask_and_clears_those_not_set(ann: Person, task: pb.Task) -> None:
    due = Timestamp(seconds=1_900_000_000)
    after = await update(ann, task, description="white", due_time=due, labels=["a"])
    assert (after.title, after.description, after.due_time, list(after.labels)) == ("milk", "white", due, ["a"])
    assert after.version == 2
    cleared = await update(ann, task, "dueTime", "labels", title="ignored")
    assert (cleared.title, cleared.HasField("due_time"), list(cleared.labels)) == ("milk", False, [])
    assert cleared == await get(ann, task)
    replaced = await update(ann, task, "*", title="bread")
    assert (replaced.title, replaced.description, replaced.project_id) == ("bread", "", task.project_id)


async def test_an_update_that_changes_nothing_makes_no_version(ann: Person, task: pb.Task) -> None:
    assert await update(ann, task, title="milk") == task
    assert await update(ann, task) == task
    assert len(await history(ann, task)) == 1


async def test_an_update_refuses_what_can_not_be_changed(ann: Person, task: pb.Task) -> None:
    with pytest.raises(InvalidUpdateMask, match="colour"):
        await update(ann, task, "colour")
    with pytest.raises(InvalidUpdateMask, match="queue"):
        await update(ann, task, queue="other")
    with pytest.raises(InvalidField, match=r"task\.title"):
        await update(ann, task, "title")
    with pytest.raises(InvalidField, match="must be a UUID"):
        await ann.api.tasks.UpdateTask(pb.UpdateTaskRequest(task=pb.Task(title="x")))
    assert await get(ann, task) == task


async def test_an_update_passes_over_what_the_server_owns(ann: Person, task: pb.Task) -> None:
    after = await update(ann, task, "title", "status", "create_time", title="bread", status=pb.Task.COMPLETED)
    assert (after.title, after.status, after.create_time) == ("bread", task.status, task.create_time)


async def test_the_etag_guards_every_change(ann: Person, task: pb.Task) -> None:
    changed = await update(ann, task, title="bread", etag=task.etag)
    tasks = ann.api.tasks
    with pytest.raises(EtagMismatch):
        await update(ann, task, title="tea", etag=task.etag)
    with pytest.raises(EtagMismatch):
        await tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id, etag=task.etag))
    with pytest.raises(EtagMismatch):
        await tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id, etag=task.etag))
    gone = await tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id, etag=changed.etag))
    with pytest.raises(EtagMismatch):
        await tasks.RestoreTask(pb.RestoreTaskRequest(id=task.id, etag=task.etag))
    back = await tasks.RestoreTask(pb.RestoreTaskRequest(id=task.id, etag=gone.etag))
    assert len({task.etag, changed.etag, gone.etag, back.etag}) == 4


async def test_a_task_goes_from_start_to_end_and_back(ann: Person, task: pb.Task) -> None:
    tasks = ann.api.tasks
    started = await tasks.StartTask(pb.StartTaskRequest(id=task.id))
    assert (started.status, started.start_time) == (pb.Task.IN_PROGRESS, started.update_time)
    done = await tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
    assert (done.status, done.end_time, done.start_time) == (
        pb.Task.COMPLETED,
        done.update_time,
        started.start_time,
    )
    with pytest.raises(IllegalTransition, match="COMPLETED") as refusal:
        await tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
    assert "reopen" in refusal.value.metadata["allowed"]
    reopened = await tasks.ReopenTask(pb.ReopenTaskRequest(id=task.id))
    assert (reopened.status, reopened.HasField("end_time")) == (pb.Task.PENDING, False)
    cancelled = await tasks.CancelTask(pb.CancelTaskRequest(id=task.id))
    assert (cancelled.status, cancelled.version) == (pb.Task.CANCELLED, 5)
    assert cancelled == await get(ann, task)


async def test_the_same_request_id_is_a_replay_not_a_repeat(ann: Person, task: pb.Task) -> None:
    tasks = ann.api.tasks
    complete = pb.CompleteTaskRequest(id=task.id, request_id="once")
    first = await tasks.CompleteTask(complete)
    assert await tasks.CompleteTask(complete) == first
    delete = pb.DeleteTaskRequest(id=task.id, request_id="gone")
    gone = await tasks.DeleteTask(delete)
    assert await tasks.DeleteTask(delete) == gone
    assert await tasks.CompleteTask(complete) == first
    with pytest.raises(RequestIdReused):
        await tasks.StartTask(pb.StartTaskRequest(id=task.id, request_id="gone"))
    with pytest.raises(TaskNotFound):
        await get(ann, task)


async def test_a_deleted_task_is_found_nowhere_and_comes_back_as_it_was(ann: Person, task: pb.Task) -> None:
    tasks = ann.api.tasks
    gone = await tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id))
    assert gone.delete_time == gone.update_time
    with pytest.raises(TaskNotFound):
        await get(ann, task)
    with pytest.raises(TaskNotFound):
        await tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id))
    with pytest.raises(TaskNotFound):
        await update(ann, task, title="x")
    with pytest.raises(TaskNotFound):
        await tasks.StartTask(pb.StartTaskRequest(id=task.id))
    mine = pb.ListTasksRequest(filter=f"id = {task.id}")
    assert not (await tasks.ListTasks(mine)).tasks
    mine.show_deleted = True
    assert (await tasks.ListTasks(mine)).tasks == [gone]
    back = await tasks.RestoreTask(pb.RestoreTaskRequest(id=task.id))
    assert (back.title, back.version, back.HasField("delete_time")) == ("milk", 3, False)
    assert await get(ann, task) == back
    with pytest.raises(TaskNotDeleted):
        await tasks.RestoreTask(pb.RestoreTaskRequest(id=task.id))


async def test_history_tells_who_did_what_newest_first_in_pages(ann: Person, task: pb.Task) -> None:
    tasks = ann.api.tasks
    await update(ann, task, title="bread", priority=pb.Task.URGENT)
    done = await tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
    gone = await tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id))
    changes = await history(ann, task)
    assert [(change.type, change.version, list(change.changed_fields)) for change in changes] == [
        ("task.deleted", 4, ["delete_time"]),
        ("task.completed", 3, ["status"]),
        ("task.updated", 2, ["title", "priority"]),
        ("task.created", 1, ["project_id", "title"]),
    ]
    assert [change.task for change in changes][:2] == [gone, done]
    assert changes[3].task == task
    assert {change.actor_id for change in changes} == {ann.id}
    assert [change.time for change in changes] == [change.task.update_time for change in changes]
    request = pb.ListTaskHistoryRequest(id=task.id, page_size=3)
    first = await tasks.ListTaskHistory(request)
    request.page_token = first.next_page_token
    second = await tasks.ListTaskHistory(request)
    assert [*first.history, *second.history] == changes
    assert not second.next_page_token
    request.id = NOWHERE
    with pytest.raises(TaskNotFound):
        await tasks.ListTaskHistory(request)


async def test_a_page_token_is_good_for_its_own_list_only(ann: Person, task: pb.Task) -> None:
    await update(ann, task, title="bread")
    other = await create(ann)
    first = await ann.api.tasks.ListTaskHistory(pb.ListTaskHistoryRequest(id=task.id, page_size=1))
    with pytest.raises(InvalidPageToken):
        await ann.api.tasks.ListTaskHistory(pb.ListTaskHistoryRequest(id=other.id, page_token=first.next_page_token))


async def test_strangers_find_nothing_and_viewers_change_nothing(
    ann: Person, bob: Person, task: pb.Task, shared: projects.Project
) -> None:
    with pytest.raises(TaskNotFound):
        await get(bob, task)
    with pytest.raises(TaskNotFound):
        await update(bob, task, title="x")
    with pytest.raises(TaskNotFound):
        await bob.api.tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
    with pytest.raises(TaskNotFound):
        await bob.api.tasks.ListTaskHistory(pb.ListTaskHistoryRequest(id=task.id))
    with pytest.raises(TaskNotFound):
        await ann.api.tasks.CompleteTask(pb.CompleteTaskRequest(id=NOWHERE))
    with pytest.raises(ProjectNotFound):
        await create(bob, project_id=NOWHERE)
    seen = await create(ann, project_id=shared.id)
    assert await get(bob, seen) == seen
    with pytest.raises(RoleTooLow):
        await update(bob, seen, title="x")
    with pytest.raises(RoleTooLow):
        await bob.api.tasks.DeleteTask(pb.DeleteTaskRequest(id=seen.id))
    with pytest.raises(RoleTooLow):
        await create(bob, project_id=shared.id)


async def test_every_version_has_its_event(
    ann: Person, task: pb.Task, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await update(ann, task, title="bread")
    await ann.api.tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
    rows = await sql.fetch(
        "SELECT version, type, project_id::text, actor_id::text, (task).title AS title "
        "FROM events WHERE task_id = $1 ORDER BY id",
        task.id,
    )
    project = task.project_id
    assert [tuple(row) for row in rows] == [
        (1, "task.created", project, ann.id, "milk"),
        (2, "task.updated", project, ann.id, "bread"),
        (3, "task.completed", project, ann.id, "bread"),
    ]
