"""A filter means the same in SQL and in `chassis.aip160.matches`."""

import random
from collections.abc import Sequence

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.aip160 import matches, parse
from tasksvc.task_filter import FIELDS
from tests.integration.tasksvc.conftest import Newcomer, Person

SEED = 160
WORDS = [
    "milk",
    "Milk",
    "Молоко",
    "молочный",
    "хлеб",
    "ёж",
    "C++",
    "a_b",
    "100%",
    r"back\slash",
    "(x)",
    "v1.2",
    "don't",
]
LABELS = ["home", "Home", "work", "100%", "a_b", "дом", "ho"]
QUEUES = ["", "mail", "mail.fast"]
LATER = 4_000_000_000  # the 2nd of October 2096, 07:06:40: tasksvc changes what is overdue


@pytest.fixture(scope="module")
async def eve(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture(scope="module")
async def tasks(eve: Person) -> Sequence[pb.Task]:
    """Tasks of every kind, as they are read back."""
    chance = random.Random(SEED)  # noqa: S311 - a table, the same each time
    api = eve.api.tasks
    requests = [pb.CreateTaskRequest(task=any_task(chance, eve)) for _ in range(150)]
    made = (await api.BatchCreateTasks(pb.BatchCreateTasksRequest(requests=requests))).tasks
    for number, task in enumerate(made):
        if number % 3 == 0:
            await api.StartTask(pb.StartTaskRequest(id=task.id))
        if number % 6 == 0:
            await api.CompleteTask(pb.CompleteTaskRequest(id=task.id))
        if number % 7 == 0:
            await api.UpdateTask(pb.UpdateTaskRequest(task=pb.Task(id=task.id, parent_id=made[number - 1].id)))
    return list((await api.ListTasks(pb.ListTasksRequest(page_size=1000))).tasks)


def any_task(chance: random.Random, eve: Person) -> pb.Task:
    task = pb.Task(
        title=chance.choice([" ", ", ", "-"]).join(chance.choices(WORDS, k=chance.randint(1, 4))),
        description=" ".join(chance.choices(WORDS, k=chance.randint(0, 3))),
        priority=chance.choice(pb.Task.Priority.values()),
        labels=chance.sample(LABELS, chance.randint(0, 3)),
        assignee_id=chance.choice(["", eve.id]),
        queue=chance.choice(QUEUES),
    )
    if chance.random() < 0.7:
        task.due_time.CopyFrom(
            Timestamp(seconds=LATER + chance.randint(0, 5), nanos=chance.choice([0, 1000, 999999000]))
        )
    return task


def any_filter(chance: random.Random, tasks: Sequence[pb.Task], depth: int = 0) -> str:
    kind = chance.random()
    if depth < 3 and kind < 0.5:
        joiner = chance.choice([" AND ", " OR ", " "])
        parts = [any_filter(chance, tasks, depth + 1) for _ in range(chance.randint(2, 3))]
        return chance.choice(["", "NOT ", "-"]) + f"({joiner.join(parts)})"
    return chance.choice(["", "", "NOT ", "-"]) + any_restriction(chance, tasks)


def any_restriction(chance: random.Random, tasks: Sequence[pb.Task]) -> str:
    text = quoted(any_pattern(chance, WORDS))
    label = quoted(any_pattern(chance, LABELS))
    queue = quoted(any_pattern(chance, QUEUES))
    equal = chance.choice(["=", "!="])
    compare = chance.choice(["=", "!=", "<", "<=", ">", ">="])
    time = f"2096-10-02T07:06:4{chance.randint(0, 5)}{chance.choice(['', '.000001', '.999999'])}Z"
    some = chance.choice(tasks)
    return chance.choice(
        [
            f"status {equal} {chance.choice(['PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED'])}",
            f"priority {compare} {chance.choice(['LOW', 'NORMAL', 'HIGH', 'URGENT'])}",
            f"labels:{label}",
            "labels:*",
            f"title:{text}",
            f"title {equal} {text}",
            f"description:{text}",
            f"description {equal} {text}",
            "description:*",
            f"queue {equal} {queue}",
            "queue:*",
            f"due_time {compare} {time}",
            "dueTime:*",
            f"update_time {compare} {some.update_time.ToJsonString()}",
            "endTime:*",
            f"assignee {equal} me",
            f"assignee {equal} {chance.choice([chr(34) * 2, some.id])}",
            "assignee:*",
            "creator = me",
            f"parent {equal} {some.parent_id or quoted('')}",
            "parentId:*",
            f"id {equal} {some.id}",
            f"version {compare} {chance.randint(0, 4)}",
            "attempt:*",
            text,
            chance.choice(["milk", "mil*", "*ilk", "м*ко", "хлеб", "v1*"]),
        ]
    )


def any_pattern(chance: random.Random, words: Sequence[str]) -> str:
    """A word, or one with a hole in it."""
    word = chance.choice(words)
    at = chance.randint(0, len(word))
    escaped = word.replace("\\", r"\\")
    return escaped if chance.random() < 0.5 or escaped != word else word[:at] + "*" + word[at + chance.randint(0, 2) :]


def quoted(text: str) -> str:
    return f'"{text}"'


async def test_sql_finds_what_matches(eve: Person, tasks: Sequence[pb.Task]) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a table, the same each time
    found_some = 0
    for _ in range(250):
        text = any_filter(chance, tasks)
        node = parse(text, FIELDS, eve.id)
        expected = {task.id for task in tasks if matches(node, task)}
        answer = await eve.api.tasks.ListTasks(
            pb.ListTasksRequest(project_id=eve.user.personal_project_id, filter=text, page_size=1000)
        )
        assert {task.id for task in answer.tasks} == expected, text
        found_some += 0 < len(expected) < len(tasks)
    assert found_some > 120


async def test_every_way_to_say_a_restriction_is_known_to_sql(eve: Person, tasks: Sequence[pb.Task]) -> None:
    for name in FIELDS.by_name:
        for text in (f"{name}:*", f"NOT {name}:*"):
            node = parse(text, FIELDS)
            expected = {task.id for task in tasks if matches(node, task)}
            answer = await eve.api.tasks.ListTasks(
                pb.ListTasksRequest(project_id=eve.user.personal_project_id, filter=text, page_size=1000)
            )
            assert {task.id for task in answer.tasks} == expected, text
