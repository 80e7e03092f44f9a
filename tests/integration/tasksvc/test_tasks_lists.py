"""Lists: where they look, in which order they come, and how they go on."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import InvalidField, InvalidFilter, InvalidOrderBy, InvalidPageToken, ProjectNotFound
from tests.integration.tasksvc.conftest import Newcomer, Person

NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def eve(newcomer: Newcomer) -> Person:
    """Somebody without tasks."""
    return await newcomer()


async def create(person: Person, *tasks: pb.Task) -> list[pb.Task]:
    requests = [pb.CreateTaskRequest(task=task) for task in tasks]
    return list((await person.api.tasks.BatchCreateTasks(pb.BatchCreateTasksRequest(requests=requests))).tasks)


async def titles(person: Person, **values: Any) -> list[str]:
    answer = await person.api.tasks.ListTasks(pb.ListTasksRequest(**values))
    return [task.title for task in answer.tasks]


async def paged(person: Person, size: int, **values: Any) -> list[str]:
    """All titles, page by page."""
    request = pb.ListTasksRequest(page_size=size, **values)
    found: list[str] = []
    while True:
        answer = await person.api.tasks.ListTasks(request)
        assert len(answer.tasks) <= size
        found += [task.title for task in answer.tasks]
        if not answer.next_page_token:
            return found
        assert len(answer.tasks) == size
        request.page_token = answer.next_page_token


async def share(owner: Person, with_whom: Person) -> str:
    project = await owner.api.projects.CreateProject(
        projects.CreateProjectRequest(project=projects.Project(title="shared"))
    )
    member = projects.Member(user_id=with_whom.id, role=projects.Member.EDITOR)
    await owner.api.projects.AddMember(projects.AddMemberRequest(project_id=project.id, member=member))
    return project.id


async def test_where_a_list_looks(eve: Person, bob: Person) -> None:
    shared = await share(bob, eve)
    await create(eve, pb.Task(title="personal"), pb.Task(title="for all", project_id=shared))
    await create(
        bob,
        pb.Task(title="bob's own"),
        pb.Task(title="bob for eve", project_id=shared, assignee_id=eve.id),
        pb.Task(title="bob for all", project_id=shared),
    )
    assert await titles(eve) == ["personal"]
    assert await titles(eve, project_id=shared, order_by="title") == ["bob for all", "bob for eve", "for all"]
    assert await titles(eve, project_id=shared.upper(), filter="eve") == ["bob for eve"]
    everything = ["bob for all", "bob for eve", "for all", "personal"]
    assert await titles(eve, project_id="-", order_by="title") == everything
    assert await titles(eve, filter=f"project = {shared} AND title = for*") == ["for all"]
    assert await titles(eve, filter=f"project != {shared}") == ["personal"]
    assert await titles(eve, user_id="me", order_by="title") == ["bob for eve", "for all", "personal"]
    assert await titles(eve, user_id=bob.id, order_by="title") == ["bob for all", "bob for eve"]
    assert await titles(eve, user_id=bob.id, project_id=eve.user.personal_project_id) == []
    assert await titles(eve, filter=f"project = {bob.user.personal_project_id}") == []
    for theirs in (bob.user.personal_project_id, NOWHERE):
        with pytest.raises(ProjectNotFound):
            await titles(eve, project_id=theirs)


async def test_the_newest_come_first_and_absent_values_last(eve: Person) -> None:
    for title in ("a", "b", "c"):
        await create(eve, pb.Task(title=title))
    assert await titles(eve) == ["c", "b", "a"]
    await create(eve, pb.Task(title="d", due_time=Timestamp(seconds=2)), pb.Task(title="e", due_time=Timestamp()))
    assert await titles(eve, order_by="due_time, title") == ["e", "d", "a", "b", "c"]
    assert await titles(eve, order_by="dueTime desc,title") == ["d", "e", "a", "b", "c"]
    for wrong in ("colour", "labels", "title sideways"):
        with pytest.raises(InvalidOrderBy):
            await titles(eve, order_by=wrong)


@pytest.mark.parametrize(
    "order_by",
    [
        *("", "title", "title desc", "due_time", "due_time desc", "priority desc, due_time", "priority, title desc"),
        *("assignee_id desc, due_time desc, title", "create_time", "id", "end_time", "parent,queue,version desc"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 8])
async def test_pages_together_are_the_list(crowd: Person, order_by: str, size: int) -> None:
    whole = await titles(crowd, order_by=order_by, page_size=1000)
    assert len(whole) == 12
    assert await paged(crowd, size, order_by=order_by) == whole


@pytest.fixture(scope="module")
async def crowd(newcomer: Newcomer) -> Person:
    """Somebody with a dozen tasks, many of them alike."""
    person = await newcomer()
    await create(
        person,
        *(
            pb.Task(
                title=f"Task {number}",
                priority=pb.Task.HIGH if number % 3 else pb.Task.LOW,
                due_time=Timestamp(seconds=4_000_000_000 + number % 4) if number % 2 else None,
                assignee_id=person.id if number % 5 else "",
            )
            for number in range(12)
        ),
    )
    return person


async def test_what_is_made_or_deleted_meanwhile_moves_no_page(eve: Person) -> None:
    made = await create(eve, *(pb.Task(title=f"t{number}") for number in range(6)))
    request = pb.ListTasksRequest(page_size=2, order_by="title")
    first = await eve.api.tasks.ListTasks(request)
    await create(eve, pb.Task(title="t0, later"))
    await eve.api.tasks.DeleteTask(pb.DeleteTaskRequest(id=made[1].id))
    request.page_token = first.next_page_token
    second = await eve.api.tasks.ListTasks(request)
    assert [task.title for task in [*first.tasks, *second.tasks]] == ["t0", "t1", "t2", "t3"]


async def test_a_page_token_belongs_to_its_request(crowd: Person) -> None:
    request = pb.ListTasksRequest(page_size=2, order_by="title")
    token = (await crowd.api.tasks.ListTasks(request)).next_page_token
    for other in (
        pb.ListTasksRequest(page_token=token),
        pb.ListTasksRequest(page_token=token, order_by="title desc"),
        pb.ListTasksRequest(page_token=token, order_by="title", filter="task"),
        pb.ListTasksRequest(page_token=token, order_by="title", project_id="-"),
        pb.ListTasksRequest(page_token="rubbish", order_by="title"),
    ):
        with pytest.raises(InvalidPageToken):
            await crowd.api.tasks.ListTasks(other)
    assert len(await titles(crowd, page_token=token, order_by="title", page_size=5)) == 5


async def test_a_page_has_fifty_tasks_unless_asked_and_a_thousand_at_most(eve: Person) -> None:
    await create(eve, *(pb.Task(title=f"t{number}") for number in range(1000)))
    await create(eve, pb.Task(title="one more"))
    assert len(await titles(eve)) == 50
    assert len(await titles(eve, page_size=5000)) == 1000
    with pytest.raises(InvalidField):
        await titles(eve, page_size=-1)


async def test_a_page_of_large_tasks_is_shorter_than_asked_so_that_clients_take_it(eve: Person) -> None:
    large, larger = Struct(), Struct()
    large.update({"text": "x" * 200_000})
    larger.update({"numbers": [1] * 40_000})  # of which a message is made that is six times larger
    for number, payload in enumerate([*[large] * 16, *[larger] * 6]):
        task = pb.Task(title=f"kitchen {number}", payload=payload)
        made = await eve.api.tasks.CreateTask(pb.CreateTaskRequest(task=task))
    pages = [pb.ListTasksRequest(page_size=1000)]
    sizes: list[int] = []
    for request in pages:
        answer = await eve.api.tasks.ListTasks(request)
        assert answer.ByteSize() < 4 * 1024 * 1024
        sizes.append(len(answer.tasks))
        if answer.next_page_token:
            pages.append(pb.ListTasksRequest(page_size=1000, page_token=answer.next_page_token))
    assert sum(sizes) == 22
    assert len(sizes) > 1
    found = await eve.api.tasks.SearchTasks(pb.SearchTasksRequest(query="kitchen"))
    assert 0 < len(found.results) < 22
    assert found.next_page_token
    for _ in range(4):
        await eve.api.tasks.CompleteTask(pb.CompleteTaskRequest(id=made.id))
        await eve.api.tasks.ReopenTask(pb.ReopenTaskRequest(id=made.id))
    history = await eve.api.tasks.ListTaskHistory(pb.ListTaskHistoryRequest(id=made.id))
    assert 0 < len(history.history) < 9
    assert history.next_page_token


async def test_a_wrong_filter_is_refused_with_its_place(eve: Person) -> None:
    with pytest.raises(InvalidFilter, match="column 10") as refusal:
        await titles(eve, filter="status = DONE")
    assert refusal.value.metadata["position"] == "10"
