"""Tasks to a file and from one."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.cli.terminal import Terminal


@pytest_asyncio.fixture
async def kitchen(ann: Terminal) -> dict[str, Any]:
    """A project with a task in each status that people can give it, one of them a part of another."""
    project: dict[str, Any] = await ann.make("/v1/projects", title=f"Kitchen {os.urandom(4).hex()}")
    where = {"projectId": project["id"]}
    whole = await ann.make("/v1/tasks", **where, title="Paint\u2028it", labels=["home"], dueTime="2030-01-01T00:00:00Z")
    await ann.make("/v1/tasks", **where, title="Buy paint", parentId=whole["id"], priority="HIGH")
    for verb in ("start", "complete", "cancel"):
        task = await ann.make("/v1/tasks", **where, title=f"To {verb}", blockedBy=[])
        await ann.make(f"/v1/tasks/{task['id']}:{verb}")
    await ann.make("/v1/tasks", **where, title="Resize", queue="images", payload={"pages": [1, None]})
    return project


async def _tasks(terminal: Terminal, project: str) -> list[dict[str, Any]]:
    answer = await terminal.rest(f"/v1/tasks?projectId={project}&orderBy=create_time")
    tasks: list[dict[str, Any]] = answer["tasks"]
    return tasks


def _what(tasks: list[dict[str, Any]]) -> list[Any]:
    names = ("title", "status", "priority", "labels", "dueTime", "queue", "payload")
    return [[task.get(name) for name in names] for task in tasks]


async def test_an_export_has_each_task_as_the_rest_api_prints_it(
    ann: Terminal, kitchen: dict[str, Any], tmp_path: Path
) -> None:
    printed = await ann.ok("export", "--project", kitchen["title"])
    tasks = await _tasks(ann, kitchen["id"])
    assert [json.loads(line) for line in printed.strip("\n").split("\n")] == tasks
    file = tmp_path / "tasks.jsonl"
    assert await ann.ok("export", str(file), "-P", kitchen["id"]) == ""
    assert file.read_text(encoding="utf-8") == printed


async def test_an_import_makes_what_was_exported_and_only_once(
    ann: Terminal, kitchen: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "tasks.jsonl"
    await ann.ok("export", str(file), "-P", kitchen["id"])
    house = await ann.make("/v1/projects", title="House")
    told = await ann.ok("import", str(file), "-P", house["id"], "-o", "jsonl")
    copies = await _tasks(ann, house["id"])
    assert [json.loads(line) for line in told.strip("\n").split("\n")] == copies
    assert _what(copies) == _what(await _tasks(ann, kitchen["id"]))
    assert copies[1]["parentId"] == copies[0]["id"]
    assert await ann.ok("import", "-P", house["id"], "-o", "jsonl", stdin=file.read_text(encoding="utf-8")) == told
    assert await _tasks(ann, house["id"]) == copies


async def test_an_import_that_broke_off_goes_on_when_it_is_repeated(ann: Terminal) -> None:
    project = await ann.make("/v1/projects", title="Garden")
    first, second, third = '{"title": "Dig"}\n', '{"title": "Dig"}\n', '{"title": "Plant"}'
    broken = await ann.run("import", "-P", project["id"], stdin=f'{first}{second}{{"title": ""}}\n')
    assert broken.code == 67
    assert broken.err.startswith("error: line 3: task.title: '' must not be blank")
    await ann.ok("import", "-P", project["id"], stdin=first + second + third)
    assert [task["title"] for task in await _tasks(ann, project["id"])] == ["Dig", "Dig", "Plant"]


async def test_what_workers_have_ended_and_what_is_deleted_is_left_out(ann: Terminal) -> None:
    project = await ann.make("/v1/projects", title="Cellar")
    lines = (
        {"title": "Done by a worker", "queue": "q", "status": "COMPLETED"},
        {"title": "Deleted", "deleteTime": "2026-01-01T00:00:00Z"},
        {"title": "To do", "queue": "q", "status": "IN_PROGRESS"},
    )
    printed = await ann.run("import", "-P", project["id"], stdin="\n".join(map(json.dumps, lines)))
    assert printed.code == 0
    assert [line.partition(":")[0] for line in printed.err.splitlines()] == ["line 1 is left out", "line 2 is left out"]
    assert [(task["title"], task["status"]) for task in await _tasks(ann, project["id"])] == [("To do", "PENDING")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2 is no JSON"),
        ("[]", "line 2 must be a JSON object"),
        ('{"titel": "x"}', "line 2: a task has no field 'titel'"),
        ('{"title": "x", "priority": "SOON"}', "line 2: Failed to parse priority field"),
    ],
)
async def test_no_task_is_made_if_a_line_cannot_be_read(ann: Terminal, line: str, told: str) -> None:
    project = await ann.make("/v1/projects", title="Attic")
    assert (await ann.refused(2, "import", "-P", project["id"], stdin=f'{{"title": "a"}}\n{line}\n')).startswith(told)
    assert await _tasks(ann, project["id"]) == []


async def test_a_file_that_is_not_there_is_named(ann: Terminal, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "tasks.jsonl")
    assert await ann.refused(2, "import", nowhere) == f"{nowhere} can't be read: No such file or directory"
    assert await ann.refused(2, "export", nowhere) == f"{nowhere} can't be written: No such file or directory"
