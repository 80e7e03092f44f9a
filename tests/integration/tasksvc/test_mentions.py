"""Whom tasks and comments name as `@username`, as the events tell it."""

import asyncpg
import pytest
from taskbell.comments.v1 import comments_pb2
from taskbell.projects.v1 import projects_pb2
from taskbell.projects.v1.projects_pb2 import Member
from taskbell.tasks.v1 import tasks_pb2 as pb

from tasksvc.domain import change
from tasksvc.domain.task import Task
from tasksvc.task_store import TaskStore
from tests.integration.tasksvc.conftest import Newcomer, Person, join
from tests.integration.tasksvc.outbox import Outbox


@pytest.fixture(scope="module")
async def cleo(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture(scope="module")
async def stranger(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture(scope="module")
async def project(ann: Person, bob: Person, cleo: Person) -> str:
    """A project of Ann's, with Bob as an EDITOR and Cleo as a VIEWER."""
    request = projects_pb2.CreateProjectRequest(project=projects_pb2.Project(title="house"))
    project = await ann.api.projects.CreateProject(request)
    await join(ann, project.id, bob, Member.EDITOR)
    await join(ann, project.id, cleo, Member.VIEWER)
    return project.id


async def add(person: Person, project: str, title: str, description: str = "", queue: str = "") -> pb.Task:
    task = pb.Task(title=title, description=description, project_id=project, queue=queue)
    return await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=task))


async def edit(person: Person, task: pb.Task, **values: str) -> None:
    await person.api.tasks.UpdateTask(pb.UpdateTaskRequest(task=pb.Task(id=task.id, **values)))  # type: ignore[arg-type]  # a test knows its fields


async def mentioned(outbox: Outbox, task: pb.Task) -> list[list[str]]:
    """Whom each of the task's events says to be mentioned."""
    return [list(event.mentioned_ids) for event in await outbox.told_of(task.id)]


async def test_a_new_task_mentions_members_once_and_neither_its_author_nor_others(
    ann: Person, bob: Person, cleo: Person, stranger: Person, project: str, outbox: Outbox
) -> None:
    task = await add(
        ann,
        project,
        f"@{bob.username} and @{ann.username}",
        f"Ask @{cleo.username.upper()}. Not @{stranger.username}, @nobody; @{bob.username} again; {bob.username}@x.org",
    )
    assert await mentioned(outbox, task) == [[bob.id, cleo.id]]


async def test_an_edit_mentions_those_whom_the_task_did_not_name_before(
    ann: Person, bob: Person, cleo: Person, project: str, outbox: Outbox
) -> None:
    task = await add(ann, project, f"for @{bob.username}")
    await edit(ann, task, description=f"@{bob.username}, see what @{cleo.username} says")
    await edit(ann, task, title="for you", description=f"@{cleo.username} said it")
    await edit(ann, task, title=f"@{bob.username} after all")
    await edit(bob, task, title=f"@{ann.username}, who else?")
    await ann.api.tasks.StartTask(pb.StartTaskRequest(id=task.id))
    assert await mentioned(outbox, task) == [[bob.id], [cleo.id], [], [bob.id], [ann.id], []]


@pytest.mark.parametrize("queue", ["", "painters"])
async def test_each_task_of_a_batch_has_its_own(
    ann: Person, bob: Person, cleo: Person, project: str, outbox: Outbox, queue: str
) -> None:
    titles = [f"@{bob.username}", "nobody", f"@{cleo.username} @{bob.username}"]
    requests = [pb.CreateTaskRequest(task=pb.Task(title=title, project_id=project, queue=queue)) for title in titles]
    tasks = (await ann.api.tasks.BatchCreateTasks(pb.BatchCreateTasksRequest(requests=requests))).tasks
    changed = [pb.Task(id=task.id, description=f"@{cleo.username}") for task in tasks]
    await ann.api.tasks.BatchUpdateTasks(
        pb.BatchUpdateTasksRequest(requests=[pb.UpdateTaskRequest(task=task) for task in changed])
    )
    assert [await mentioned(outbox, task) for task in tasks] == [
        [[bob.id], [cleo.id]],
        [[], [cleo.id]],
        [[cleo.id, bob.id], []],
    ]


async def test_comments_mention_as_tasks_do(
    ann: Person, bob: Person, cleo: Person, project: str, outbox: Outbox
) -> None:
    task = await add(ann, project, f"for @{bob.username}")
    said = comments_pb2.Comment(text=f"@{ann.username} @{bob.username} look, @{bob.username}!")
    request = comments_pb2.CreateCommentRequest(task_id=task.id, comment=said)
    comment = await ann.api.comments.CreateComment(request)
    comment.text += f" And @{cleo.username}."
    await ann.api.comments.UpdateComment(comments_pb2.UpdateCommentRequest(task_id=task.id, comment=comment))
    await ann.api.comments.DeleteComment(comments_pb2.DeleteCommentRequest(task_id=task.id, id=comment.id))
    assert await mentioned(outbox, task) == [[bob.id], [bob.id], [cleo.id], []]


async def test_who_left_the_project_is_mentioned_no_more(
    ann: Person, newcomer: Newcomer, project: str, outbox: Outbox
) -> None:
    dan = await newcomer()
    await join(ann, project, dan, Member.EDITOR)
    first = await add(ann, project, f"@{dan.username}")
    await ann.api.projects.RemoveMember(projects_pb2.RemoveMemberRequest(project_id=project, user_id=dan.id))
    second = await add(ann, project, f"@{dan.username}")
    assert [await mentioned(outbox, task) for task in (first, second)] == [[[dan.id]], [[]]]


async def test_a_task_that_comes_by_itself_mentions_nobody_again(
    ann: Person, bob: Person, project: str, outbox: Outbox
) -> None:
    task = await add(ann, project, f"@{bob.username}")
    copy = Task(id="019a0000-0000-7000-8000-0000000000aa", project_id=project, title=task.title, creator_id=ann.id)
    await TaskStore().create(outbox.pool, [change.create(copy)])
    assert [list(event.mentioned_ids) for event in await outbox.told_of(copy.id)] == [[]]


async def test_of_a_crowd_only_the_first_hundred_are_mentioned(
    ann: Person, project: str, sql: "asyncpg.Connection[asyncpg.Record]", outbox: Outbox
) -> None:
    ids = await sql.fetch(
        "WITH crowd AS (INSERT INTO users (id, username, email, password_hash, personal_project_id)"
        " SELECT gen_random_uuid(), 'crowd-' || i, 'crowd-' || i || '@example.com', '', $1"
        " FROM generate_series(1, 120) AS i RETURNING id, username)"
        " INSERT INTO members (project_id, user_id, role) SELECT $1, id, 1 FROM crowd RETURNING user_id::text,"
        " (SELECT username FROM crowd WHERE id = user_id)",
        project,
    )
    everybody = {row["username"]: row["user_id"] for row in ids}
    named = [f"crowd-{number}" for number in range(120, 0, -1)]
    task = await add(ann, project, "all of you", " ".join(f"@{name}" for name in named))
    assert await mentioned(outbox, task) == [[everybody[name] for name in named[:100]]]
