"""What people say about tasks: who may, what comes of bad input, and what the outbox tells of it."""

import asyncio

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.comments.v1 import comments_pb2 as pb
from taskbell.projects.v1 import projects_pb2
from taskbell.tasks.v1 import tasks_pb2

from chassis.errors import (
    AuthorRequired,
    CommentNotFound,
    Conflict,
    EtagMismatch,
    InvalidField,
    InvalidOrderBy,
    InvalidPageToken,
    InvalidUpdateMask,
    RequestIdReused,
    RoleTooLow,
    ServiceError,
    TaskNotFound,
)
from tests.integration.tasksvc.conftest import Newcomer, Person, join
from tests.integration.tasksvc.outbox import Outbox

NOBODYS = "019a0000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
async def cleo(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture(scope="module")
async def stranger(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture
async def project(ann: Person, bob: Person, cleo: Person) -> str:
    """A project of Ann's, in which Bob is an EDITOR and Cleo a VIEWER."""
    request = projects_pb2.CreateProjectRequest(project=projects_pb2.Project(title="house"))
    project = await ann.api.projects.CreateProject(request)
    await join(ann, project.id, bob, projects_pb2.Member.EDITOR)
    await join(ann, project.id, cleo, projects_pb2.Member.VIEWER)
    return project.id


@pytest.fixture
async def task(ann: Person, project: str) -> tasks_pb2.Task:
    request = tasks_pb2.CreateTaskRequest(task=tasks_pb2.Task(title="paint", project_id=project))
    return await ann.api.tasks.CreateTask(request)


async def say(person: Person, task: tasks_pb2.Task, text: str, request_id: str = "") -> pb.Comment:
    request = pb.CreateCommentRequest(task_id=task.id, comment=pb.Comment(text=text), request_id=request_id)
    return await person.api.comments.CreateComment(request)


async def edit(person: Person, comment: pb.Comment, text: str, etag: str = "") -> pb.Comment:
    changed = pb.Comment(id=comment.id, text=text, etag=etag)
    return await person.api.comments.UpdateComment(pb.UpdateCommentRequest(task_id=comment.task_id, comment=changed))


async def delete(person: Person, comment: pb.Comment, etag: str = "") -> None:
    await person.api.comments.DeleteComment(pb.DeleteCommentRequest(task_id=comment.task_id, id=comment.id, etag=etag))


async def get(person: Person, comment: pb.Comment) -> pb.Comment:
    return await person.api.comments.GetComment(pb.GetCommentRequest(task_id=comment.task_id, id=comment.id))


async def said(person: Person, task: tasks_pb2.Task, order_by: str = "", size: int = 0) -> list[str]:
    """The texts of all pages."""
    request = pb.ListCommentsRequest(task_id=task.id, order_by=order_by, page_size=size)
    texts: list[str] = []
    while True:
        page = await person.api.comments.ListComments(request)
        texts += [comment.text for comment in page.comments]
        if not page.next_page_token:
            return texts
        request.page_token = page.next_page_token


async def test_a_comment_is_written_read_changed_and_removed(bob: Person, task: tasks_pb2.Task) -> None:
    comment = await say(bob, task, "Which *colour*? Белый?")
    assert (comment.text, comment.author_id, comment.task_id) == ("Which *colour*? Белый?", bob.id, task.id)
    assert comment.project_id == task.project_id
    assert comment.update_time == comment.create_time
    assert await get(bob, comment) == comment
    changed = await edit(bob, comment, "White, then", comment.etag)
    assert (changed.text, changed.create_time) == ("White, then", comment.create_time)
    assert changed.update_time.ToNanoseconds() > comment.update_time.ToNanoseconds()
    assert changed.etag != comment.etag
    assert await edit(bob, changed, "White, then") == changed
    await delete(bob, changed, changed.etag)
    with pytest.raises(CommentNotFound):
        await get(bob, comment)
    assert await said(bob, task) == []


async def test_who_sees_the_task_reads_and_only_editors_write(
    bob: Person, cleo: Person, stranger: Person, task: tasks_pb2.Task
) -> None:
    comment = await say(bob, task, "hello")
    assert await said(cleo, task) == ["hello"]
    assert await get(cleo, comment) == comment
    with pytest.raises(RoleTooLow):
        await say(cleo, task, "me too")
    with pytest.raises(RoleTooLow):
        await delete(cleo, comment)
    for attempt in (
        say(stranger, task, "hi"),
        said(stranger, task),
        get(stranger, comment),
        edit(stranger, comment, "x"),
        delete(stranger, comment),
    ):
        with pytest.raises(TaskNotFound):
            await attempt


async def test_only_the_author_edits_and_only_the_author_or_an_owner_deletes(
    ann: Person, bob: Person, project: str, newcomer: Newcomer, task: tasks_pb2.Task
) -> None:
    of_ann, of_bob = await say(ann, task, "by ann"), await say(bob, task, "by bob")
    dan = await newcomer()
    await join(ann, project, dan, projects_pb2.Member.EDITOR)
    for attempt in (edit(ann, of_bob, "x"), edit(bob, of_ann, "x"), delete(bob, of_ann), delete(dan, of_bob)):
        with pytest.raises(AuthorRequired):
            await attempt
    await delete(ann, of_bob)
    assert await said(bob, task) == ["by ann"]


async def test_an_author_who_became_a_viewer_changes_nothing_more(
    ann: Person, bob: Person, project: str, task: tasks_pb2.Task
) -> None:
    comment = await say(bob, task, "mine")
    member = projects_pb2.Member(user_id=bob.id, role=projects_pb2.Member.VIEWER)
    await ann.api.projects.UpdateMember(projects_pb2.UpdateMemberRequest(project_id=project, member=member))
    for attempt in (edit(bob, comment, "still mine"), delete(bob, comment)):
        with pytest.raises(RoleTooLow):
            await attempt


@pytest.mark.parametrize("text", ["", " \n\t", "a\0b", "x" * 16_385, "я" * 8_193])
async def test_a_text_that_cannot_be_kept_is_refused(bob: Person, task: tasks_pb2.Task, text: str) -> None:
    comment = await say(bob, task, "first")
    mask = FieldMask(paths=["text"])
    changed = pb.Comment(id=comment.id, text=text)
    for attempt in (
        say(bob, task, text),
        bob.api.comments.UpdateComment(pb.UpdateCommentRequest(task_id=task.id, comment=changed, update_mask=mask)),
    ):
        with pytest.raises(InvalidField) as refused:
            await attempt
        assert [violation.field for violation in refused.value.violations] == ["comment.text"]
    assert await said(bob, task) == ["first"]


async def test_the_longest_text_is_kept(bob: Person, task: tasks_pb2.Task) -> None:
    assert (await say(bob, task, "x" * 16_384)).text == "x" * 16_384


async def test_bad_input_names_what_is_wrong(bob: Person, task: tasks_pb2.Task) -> None:
    comment = await say(bob, task, "first")
    api = bob.api.comments
    with pytest.raises(InvalidField, match="task_id"):
        await api.ListComments(pb.ListCommentsRequest(task_id="42"))
    with pytest.raises(InvalidField, match="id"):
        await api.GetComment(pb.GetCommentRequest(task_id=task.id, id="42"))
    with pytest.raises(InvalidField, match="comment"):
        await api.UpdateComment(pb.UpdateCommentRequest(task_id=task.id, comment=pb.Comment(text="no id")))
    with pytest.raises(InvalidField, match="page_size"):
        await api.ListComments(pb.ListCommentsRequest(task_id=task.id, page_size=-1))
    with pytest.raises(InvalidPageToken):
        await api.ListComments(pb.ListCommentsRequest(task_id=task.id, page_token="x"))
    with pytest.raises(InvalidOrderBy, match="create_time"):
        await api.ListComments(pb.ListCommentsRequest(task_id=task.id, order_by="text"))
    with pytest.raises(InvalidUpdateMask, match="nothing"):
        await api.UpdateComment(
            pb.UpdateCommentRequest(task_id=task.id, comment=comment, update_mask=FieldMask(paths=["nothing"]))
        )
    with pytest.raises(CommentNotFound, match=NOBODYS):
        await api.GetComment(pb.GetCommentRequest(task_id=task.id, id=NOBODYS))
    with pytest.raises(TaskNotFound, match=NOBODYS):
        await api.GetComment(pb.GetCommentRequest(task_id=NOBODYS, id=comment.id))


async def test_a_comment_is_found_under_its_own_task_only(ann: Person, bob: Person, task: tasks_pb2.Task) -> None:
    comment = await say(bob, task, "here")
    other = tasks_pb2.CreateTaskRequest(task=tasks_pb2.Task(title="other", project_id=task.project_id))
    comment.task_id = (await ann.api.tasks.CreateTask(other)).id
    for attempt in (get(bob, comment), edit(bob, comment, "x"), delete(bob, comment)):
        with pytest.raises(CommentNotFound):
            await attempt


async def test_what_changed_since_it_was_read_is_not_overwritten(bob: Person, task: tasks_pb2.Task) -> None:
    comment = await say(bob, task, "first")
    await edit(bob, comment, "second")
    for attempt in (edit(bob, comment, "third", comment.etag), delete(bob, comment, comment.etag)):
        with pytest.raises(EtagMismatch):
            await attempt
    assert await said(bob, task) == ["second"]


async def test_of_edits_with_the_same_etag_at_once_one_wins(bob: Person, task: tasks_pb2.Task) -> None:
    comment = await say(bob, task, "first")
    outcomes = await asyncio.gather(
        *(edit(bob, comment, f"edit {number}", comment.etag) for number in range(8)), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, pb.Comment)]
    assert len(won) == 1
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, ServiceError)} == {EtagMismatch}
    assert await get(bob, comment) == won[0]


async def test_a_repeat_gets_the_first_answer_and_says_nothing_twice(
    bob: Person, task: tasks_pb2.Task, outbox: Outbox
) -> None:
    twins = await asyncio.gather(*(say(bob, task, "once", "say") for _ in range(4)))
    assert len({comment.id for comment in twins}) == 1
    assert await said(bob, task) == ["once"]
    with pytest.raises(RequestIdReused):
        await say(bob, task, "other words", "say")
    deletion = pb.DeleteCommentRequest(task_id=task.id, id=twins[0].id, request_id="delete")
    for _ in range(2):
        await bob.api.comments.DeleteComment(deletion)
    assert [event.type for event in await outbox.told_of(task.id)] == [
        "task.created",
        "comment.created",
        "comment.deleted",
    ]


async def test_pages_come_oldest_first_or_newest_first_and_leave_nothing_out(
    ann: Person, bob: Person, task: tasks_pb2.Task
) -> None:
    texts = [f"comment {number}" for number in range(7)]
    for number, text in enumerate(texts):
        await say(bob if number % 2 else ann, task, text)
    assert await said(ann, task) == texts
    assert await said(ann, task, size=3) == texts
    assert await said(ann, task, "createTime desc", size=2) == texts[::-1]
    page = await ann.api.comments.ListComments(pb.ListCommentsRequest(task_id=task.id, page_size=3))
    with pytest.raises(InvalidPageToken):
        await ann.api.comments.ListComments(
            pb.ListCommentsRequest(task_id=task.id, page_token=page.next_page_token, order_by="create_time desc")
        )


async def test_a_page_of_long_comments_is_cut_where_clients_could_not_take_it(
    bob: Person, task: tasks_pb2.Task
) -> None:
    await asyncio.gather(*(say(bob, task, str(number) + "x" * 16_000) for number in range(210)))
    page = await bob.api.comments.ListComments(pb.ListCommentsRequest(task_id=task.id, page_size=1000))
    assert 0 < len(page.comments) < 210
    assert page.ByteSize() < 4 * 1024 * 1024
    assert len(await said(bob, task, size=1000)) == 210


async def test_comments_go_with_their_task_into_another_project(
    ann: Person, bob: Person, stranger: Person, task: tasks_pb2.Task
) -> None:
    comment = await say(bob, task, "look")
    request = projects_pb2.CreateProjectRequest(project=projects_pb2.Project(title="elsewhere"))
    elsewhere = (await ann.api.projects.CreateProject(request)).id
    await join(ann, elsewhere, stranger, projects_pb2.Member.VIEWER)
    moved = tasks_pb2.Task(id=task.id, project_id=elsewhere)
    await ann.api.tasks.UpdateTask(tasks_pb2.UpdateTaskRequest(task=moved))
    assert (await get(stranger, comment)).project_id == elsewhere
    with pytest.raises(TaskNotFound):
        await get(bob, comment)


async def test_a_deleted_tasks_comments_are_not_found_until_it_is_restored(bob: Person, task: tasks_pb2.Task) -> None:
    comment = await say(bob, task, "look", "before")
    await bob.api.tasks.DeleteTask(tasks_pb2.DeleteTaskRequest(id=task.id))
    for attempt in (
        said(bob, task),
        get(bob, comment),
        say(bob, task, "x"),
        edit(bob, comment, "x"),
        delete(bob, comment),
    ):
        with pytest.raises(TaskNotFound):
            await attempt
    assert await say(bob, task, "look", "before") == comment
    await bob.api.tasks.RestoreTask(tasks_pb2.RestoreTaskRequest(id=task.id))
    assert await get(bob, comment) == comment


async def test_a_comment_is_told_of_with_its_task_in_the_order_of_what_happened(
    ann: Person, bob: Person, task: tasks_pb2.Task, outbox: Outbox
) -> None:
    comment = await say(bob, task, "which colour?")
    changed = await edit(bob, comment, "what colour?")
    renamed = tasks_pb2.Task(id=task.id, title="paint it")
    after = await ann.api.tasks.UpdateTask(tasks_pb2.UpdateTaskRequest(task=renamed))
    reply = await say(ann, task, "white")
    await delete(bob, changed)
    events = await outbox.told_of(task.id)
    assert [(event.type, event.task_version) for event in events] == [
        ("task.created", 1),
        ("comment.created", 1),
        ("comment.updated", 1),
        ("task.updated", 2),
        ("comment.created", 2),
        ("comment.deleted", 2),
    ]
    assert [event.comment for event in events[1:3]] == [comment, changed]
    assert (events[1].task, events[4].task, events[4].comment) == (task, after, reply)
    assert (events[1].actor_id, events[1].project_id, events[1].time) == (bob.id, task.project_id, comment.create_time)
    assert [list(event.changed_fields) for event in events[1:3]] == [["text"], ["text"]]
    assert (events[5].comment.id, events[5].comment.text) == (comment.id, "")


async def test_comments_and_changes_at_once_are_published_once_each(
    ann: Person, bob: Person, task: tasks_pb2.Task, outbox: Outbox
) -> None:
    renamed = [tasks_pb2.Task(id=task.id, title=f"title {number}") for number in range(15)]
    await asyncio.gather(
        *(say(bob, task, str(number)) for number in range(15)),
        *(ann.api.tasks.UpdateTask(tasks_pb2.UpdateTaskRequest(task=each)) for each in renamed),
    )
    events = await outbox.told_of(task.id)
    committed = [row["event_id"] for row in await outbox.committed() if str(row["task_id"]) == task.id]
    assert [event.event_id for event in events] == list(map(str, committed))
    assert [event.task_version for event in events if event.type.startswith("task.")] == list(range(1, 17))
    comments = [event.comment.text for event in events if event.type == "comment.created"]
    assert comments == await said(bob, task)
    versions = [event.task_version for event in events]
    assert versions == sorted(versions)


async def test_history_shows_the_changes_of_the_task_alone(bob: Person, task: tasks_pb2.Task) -> None:
    await say(bob, task, "hello")
    await bob.api.tasks.StartTask(tasks_pb2.StartTaskRequest(id=task.id))
    await say(bob, task, "started")
    request = tasks_pb2.ListTaskHistoryRequest(id=task.id, page_size=1)
    first = await bob.api.tasks.ListTaskHistory(request)
    request.page_token = first.next_page_token
    second = await bob.api.tasks.ListTaskHistory(request)
    assert [(page.history[0].type, page.history[0].version) for page in (first, second)] == [
        ("task.started", 2),
        ("task.created", 1),
    ]
    assert second.next_page_token == ""


async def test_a_comment_is_no_new_version_of_its_task(bob: Person, task: tasks_pb2.Task) -> None:
    await say(bob, task, "hello")
    assert await bob.api.tasks.GetTask(tasks_pb2.GetTaskRequest(id=task.id)) == task


async def test_former_commenters_who_are_still_members_are_named_in_the_event(
    ann: Person, bob: Person, project: str, newcomer: Newcomer, task: tasks_pb2.Task, outbox: Outbox
) -> None:
    dan = await newcomer()
    await join(ann, project, dan, projects_pb2.Member.EDITOR)
    for person in (dan, bob, bob, ann):
        await say(person, task, "hello")
    await ann.api.projects.RemoveMember(projects_pb2.RemoveMemberRequest(project_id=project, user_id=dan.id))
    await say(bob, task, "and again")
    commenters = [set(event.commenter_ids) for event in await outbox.told_of(task.id) if event.HasField("comment")]
    assert commenters == [set(), {dan.id}, {dan.id}, {dan.id, bob.id}, {ann.id}]


async def test_comments_on_a_task_that_moves_meanwhile_are_told_where_it_is(
    ann: Person, task: tasks_pb2.Task, outbox: Outbox
) -> None:
    request = projects_pb2.CreateProjectRequest(project=projects_pb2.Project(title="elsewhere"))
    elsewhere = (await ann.api.projects.CreateProject(request)).id
    moves = [tasks_pb2.Task(id=task.id, project_id=each) for each in (elsewhere, task.project_id) * 5]
    outcomes = await asyncio.gather(
        *(say(ann, task, str(number)) for number in range(20)),
        *(ann.api.tasks.UpdateTask(tasks_pb2.UpdateTaskRequest(task=each)) for each in moves),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)} <= {Conflict}
    made = [outcome for outcome in outcomes if isinstance(outcome, pb.Comment)]
    made.append(await say(ann, task, "at rest"))  # of the others, a busy machine may refuse all
    told = [event for event in await outbox.told_of(task.id) if event.type == "comment.created"]
    assert {event.comment.id for event in told} == {comment.id for comment in made}
    assert all(event.project_id == event.task.project_id == event.comment.project_id for event in told)


async def test_of_an_edit_and_a_deletion_at_once_the_comment_is_gone_and_nothing_is_told_after_it(
    bob: Person, task: tasks_pb2.Task, outbox: Outbox
) -> None:
    comments = [await say(bob, task, "first") for _ in range(8)]
    outcomes = await asyncio.gather(
        *(edit(bob, comment, "second") for comment in comments),
        *(delete(bob, comment) for comment in comments),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)} <= {CommentNotFound}
    assert await said(bob, task) == []
    events = await outbox.told_of(task.id)
    for comment in comments:
        types = [event.type for event in events if event.comment.id == comment.id]
        assert types in (
            ["comment.created", "comment.deleted"],
            ["comment.created", "comment.updated", "comment.deleted"],
        )


async def test_a_comment_that_comes_to_a_task_being_deleted_is_kept_or_refused(
    bob: Person, task: tasks_pb2.Task
) -> None:
    deletion = bob.api.tasks.DeleteTask(tasks_pb2.DeleteTaskRequest(id=task.id))
    outcomes = await asyncio.gather(
        *(say(bob, task, str(number)) for number in range(10)), deletion, return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)} <= {TaskNotFound}
    kept = [outcome.text for outcome in outcomes if isinstance(outcome, pb.Comment)]
    await bob.api.tasks.RestoreTask(tasks_pb2.RestoreTaskRequest(id=task.id))
    assert sorted(await said(bob, task)) == sorted(kept)
