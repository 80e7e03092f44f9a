"""Search: words as people write them, best first, and where they stand."""

from typing import Any

import pytest
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import InvalidField, InvalidFilter, InvalidPageToken, ProjectNotFound
from tests.integration.tasksvc.conftest import Newcomer, Person

TASKS = [
    pb.Task(title="Купить новые книги", description="Ремонт кухни и сад"),
    pb.Task(title="Кухонный стол собрать"),
    pb.Task(title="Ёлка для ежа"),
    pb.Task(title="Paint the kitchen walls", description="Buy the paint first, then wash everything"),
    pb.Task(title="Call the plumber", labels=["home"]),
    pb.Task(title="Write an e-mail to anna@example.com", description="Version v2.10 is painted green"),
    pb.Task(title="Book a theatre ticket", priority=pb.Task.HIGH),
    pb.Task(title="Green tea and black coffee"),
    pb.Task(title="Coffee, not tea"),
]


@pytest.fixture(scope="module")
async def eve(newcomer: Newcomer) -> Person:
    """Somebody with tasks in two languages."""
    person = await newcomer()
    requests = [pb.CreateTaskRequest(task=task) for task in TASKS]
    await person.api.tasks.BatchCreateTasks(pb.BatchCreateTasksRequest(requests=requests))
    return person


async def search(person: Person, query: str, **values: Any) -> list[pb.SearchResult]:
    answer = await person.api.tasks.SearchTasks(pb.SearchTasksRequest(query=query, **values))
    return list(answer.results)


async def titles(person: Person, query: str, **values: Any) -> list[str]:
    return [result.task.title for result in await search(person, query, **values)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("книга", {"Купить новые книги"}),
        ("КНИГАМИ", {"Купить новые книги"}),
        ("купить книгу", {"Купить новые книги"}),
        ("кухня", {"Купить новые книги"}),
        ("кух", {"Купить новые книги", "Кухонный стол собрать"}),
        ("елка", {"Ёлка для ежа"}),
        ("ёж", {"Ёлка для ежа"}),
        ("painting", {"Paint the kitchen walls", "Write an e-mail to anna@example.com"}),
        ("wall", {"Paint the kitchen walls"}),
        ("kit", {"Paint the kitchen walls"}),
        ("the", {"Book a theatre ticket"}),
        ("paint the wall", {"Paint the kitchen walls"}),
        ("the plumb", {"Call the plumber"}),
        ("e-mail", {"Write an e-mail to anna@example.com"}),
        ("anna@example.com", {"Write an e-mail to anna@example.com"}),
        ("v2.10", {"Write an e-mail to anna@example.com"}),
        ('"green tea"', {"Green tea and black coffee"}),
        ('"black tea"', set()),
        ("tea coffee", {"Green tea and black coffee", "Coffee, not tea"}),
        ("coffee -green", {"Coffee, not tea"}),
        ('coffee -"green tea"', {"Coffee, not tea"}),
        ("plumber or walls", {"Call the plumber", "Paint the kitchen walls"}),
        ("plumber kitchen", set()),
        ("купить paint", set()),
        ("!!! &", set()),
        ("'; DROP TABLE tasks; --", set()),
        ("pa:* & b | !c <-> \\", set()),
    ],
)
async def test_words_are_found_in_any_form_begun_or_whole(eve: Person, query: str, found: set[str]) -> None:
    assert set(await titles(eve, query)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("kichen", "Paint the kitchen walls"),
        ("kitchne walls", "Paint the kitchen walls"),
        ("plumbber", "Call the plumber"),
        ("plamber", "Call the plumber"),
        ("theater", "Book a theatre ticket"),
        ("cofee tea green", "Green tea and black coffee"),
        ("книгги", "Купить новые книги"),
        ("кинги", "Купить новые книги"),
        ("кухоный", "Кухонный стол собрать"),
        ("everytihng", "Paint the kitchen walls"),
    ],
)
async def test_misspellings_are_understood(eve: Person, query: str, found: str) -> None:
    results = await search(eve, query)
    assert results[0].task.title == found
    pieces = [*results[0].snippet.title, *results[0].snippet.description]
    assert any(piece.hit for piece in pieces)


async def test_words_that_are_there_are_not_taken_for_misspelt(eve: Person) -> None:
    assert await titles(eve, "book") == ["Book a theatre ticket"]
    assert await titles(eve, "tickets -book") == []


async def test_the_best_comes_first(newcomer: Newcomer) -> None:
    person = await newcomer()
    for task in (
        pb.Task(title="Something else", description="where milk is a word among many, many others"),
        pb.Task(title="Milkshake for the children"),
        pb.Task(title="Buy milk"),
        pb.Task(title="Milk"),
    ):
        await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=task))
    assert await titles(person, "milk") == ["Milk", "Buy milk", "Something else", "Milkshake for the children"]


def marked(pieces: Any) -> str:
    return "".join(f"[{piece.text}]" if piece.hit else piece.text for piece in pieces)


async def test_a_snippet_is_the_text_with_its_hits_marked(newcomer: Newcomer) -> None:
    person = await newcomer()
    title = "\ue000<b>Milk</b>\ue001 &amp; MILK; milking \U0001f95b [x]"
    description = "word " * 200 + "the <i>milk</i>\nis here " + "word " * 200
    task = pb.Task(title=title, description=description)
    await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=task))
    (result,) = await search(person, "milk")
    assert marked(result.snippet.title) == "\ue000<b>[Milk]</b>\ue001 &amp; [MILK]; [milking] \U0001f95b [x]"
    assert "the <i>[milk]</i>\nis here" in marked(result.snippet.description)
    assert "".join(piece.text for piece in result.snippet.description) in description
    assert result.task.title == title


async def test_results_come_in_pages_that_agree_with_the_whole(newcomer: Newcomer) -> None:
    person = await newcomer()
    requests = [
        pb.CreateTaskRequest(task=pb.Task(title=f"kitchen {'very ' * (number % 4)}clean {number}"))
        for number in range(23)
    ]
    await person.api.tasks.BatchCreateTasks(pb.BatchCreateTasksRequest(requests=requests))
    for query in ("kitchen", "kichen"):
        whole = await titles(person, query)
        assert len(whole) == 23
        request = pb.SearchTasksRequest(query=query, page_size=5)
        found: list[str] = []
        while True:
            answer = await person.api.tasks.SearchTasks(request)
            found += [result.task.title for result in answer.results]
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        assert found == whole
    other = pb.SearchTasksRequest(query="clean", page_token=request.page_token)
    with pytest.raises(InvalidPageToken):
        await person.api.tasks.SearchTasks(other)


async def test_a_search_stays_within_what_the_caller_sees(eve: Person, bob: Person) -> None:
    assert await titles(bob, "kitchen") == []
    with pytest.raises(ProjectNotFound):
        await titles(bob, "kitchen", project_id=eve.user.personal_project_id)
    project = await eve.api.projects.CreateProject(
        projects.CreateProjectRequest(project=projects.Project(title="shared"))
    )
    member = projects.Member(user_id=bob.id, role=projects.Member.VIEWER)
    await eve.api.projects.AddMember(projects.AddMemberRequest(project_id=project.id, member=member))
    shared = pb.Task(title="Sweep the chimney", project_id=project.id)
    made = await eve.api.tasks.CreateTask(pb.CreateTaskRequest(task=shared))
    assert await titles(bob, "chimney") == ["Sweep the chimney"]
    assert await titles(eve, "chimney", project_id=eve.user.personal_project_id) == []
    await eve.api.tasks.DeleteTask(pb.DeleteTaskRequest(id=made.id))
    assert await titles(bob, "chimney") == []


async def test_a_filter_narrows_a_search(eve: Person) -> None:
    assert await titles(eve, "ticket or plumber", filter="priority = HIGH") == ["Book a theatre ticket"]
    assert await titles(eve, "ticket or plumber", filter="labels:home") == ["Call the plumber"]
    with pytest.raises(InvalidFilter):
        await titles(eve, "ticket", filter="colour = red")


@pytest.mark.parametrize("query", ["", "a\0b", "x " * 33, "x" * 501])
async def test_a_query_that_can_not_be_asked_is_refused_by_its_field(eve: Person, query: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        await search(eve, query)
    assert {violation.field for violation in refusal.value.violations} == {"query"}
