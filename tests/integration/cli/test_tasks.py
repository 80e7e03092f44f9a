"""Tasks, as typed."""

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import yaml

from tests.integration.cli.terminal import PIPE, Terminal

SECRET_OF_NOBODY = "0190a0b0-0000-7000-8000-0000000fffff"


@pytest_asyncio.fixture
async def task(ann: Terminal) -> dict[str, Any]:
    """A task of ann's."""
    made: dict[str, Any] = await ann.make(
        "/v1/tasks", title="Paint the walls", description="Two coats", labels=["home"]
    )
    return made


async def test_a_task_is_printed_as_the_rest_api_prints_it(ann: Terminal) -> None:
    task = await ann.json(
        "add", "Resize", "--queue", "images", "--payload", '{"pages": [1, 2.5, null], "deep": {"a": ""}}'
    )
    assert task["payload"] == {"pages": [1, 2.5, None], "deep": {"a": ""}}
    shown = await ann.json("show", task["id"])
    assert shown == task == await ann.rest(f"/v1/tasks/{task['id']}")


async def test_lists_are_printed_as_the_rest_api_prints_them(ann: Terminal, task: dict[str, Any]) -> None:
    assert await ann.json("list") == await ann.rest("/v1/tasks")
    asked = "/v1/tasks?projectId=-&filter=status%20=%20PENDING&orderBy=title&showDeleted=true"
    assert await ann.json("list", "-P", "-", "-s", "pending", "--order-by", "title", "--deleted") == await ann.rest(
        asked
    )
    assert await ann.json("history", task["id"]) == await ann.rest(f"/v1/tasks/{task['id']}/history")
    found = await ann.json("search", "painting")
    assert task["id"] in [each["task"]["id"] for each in found["results"]]
    assert found == await ann.rest("/v1/tasks:search?query=painting")


async def test_all_that_can_be_given_to_a_task_arrives(ann: Terminal, bob: Terminal) -> None:
    project = await ann.make("/v1/projects", title="Kitchen")
    await ann.make(f"/v1/projects/{project['id']}/members", username=bob.username, role="EDITOR")
    task = await ann.json(
        *("add", "Paint", "it", "-d", "-", "-p", "urgent", "-l", "home", "-l", "two words", "-a", bob.username),
        *("--due", "2026-12-01T17:00:00Z", "-P", "kitchen"),
        stdin="# How\nSlowly.",
    )
    bobs = (await bob.rest("/v1/users/me"))["id"]
    assert task["title"] == "Paint it"
    assert task["description"] == "# How\nSlowly."
    assert (task["priority"], task["labels"]) == ("URGENT", ["home", "two words"])
    assert (task["projectId"], task["assigneeId"]) == (project["id"], bobs)
    assert task["dueTime"] == "2026-12-01T17:00:00Z"
    card = await ann.ok("show", task["id"])
    assert re.search(rf"^Assignee +{bob.username}$", card, re.MULTILINE)


async def test_a_relative_due_date_is_seen_from_now(ann: Terminal) -> None:
    before = datetime.now(UTC)
    due = datetime.fromisoformat((await ann.json("add", "Soon", "--due", "2h"))["dueTime"])
    assert before + timedelta(hours=2) <= due <= datetime.now(UTC) + timedelta(hours=2)


async def test_edit_changes_what_is_named_and_clears_what_is_to_be_cleared(ann: Terminal) -> None:
    task = await ann.json("add", "milk", "-p", "high", "-l", "shop", "-a", "me", "--due", "tomorrow", "-d", "two")
    edited = await ann.json("edit", task["id"][-8:], "--title", "oat milk", "--clear", "due", "--clear", "assignee")
    moved = {"updateTime", "version", "etag"}
    expected = {**task, "title": "oat milk", "assigneeId": ""}
    del expected["dueTime"]
    assert {k: v for k, v in edited.items() if k not in moved} == {k: v for k, v in expected.items() if k not in moved}
    cleared = await ann.json("edit", task["id"], "--clear", "labels", "--clear", "description", "--clear", "priority")
    assert (cleared["labels"], cleared["description"], cleared["priority"]) == ([], "", "NORMAL")


async def test_a_task_goes_through_its_life(ann: Terminal, task: dict[str, Any]) -> None:
    end = task["id"][-6:]
    assert (await ann.json("start", end))["status"] == "IN_PROGRESS"
    assert (await ann.json("done", end))["status"] == "COMPLETED"
    assert "ILLEGAL_TRANSITION" in await ann.refused(73, "done", end)
    assert (await ann.json("reopen", end))["status"] == "PENDING"
    assert (await ann.json("cancel", end))["status"] == "CANCELLED"
    assert (await ann.json("rm", end))["deleteTime"]
    assert "TASK_NOT_FOUND" in await ann.refused(69, "show", end)
    restored = await ann.json("restore", end)
    assert (restored["status"], "deleteTime" in restored) == ("CANCELLED", False)
    history = await ann.ok("history", end)
    whats = re.findall(r"task\.(\w+)", history)
    assert whats == ["restored", "deleted", "cancelled", "reopened", "completed", "started", "created"]
    assert ann.username in history


async def test_several_tasks_change_in_one_command_up_to_the_first_that_cannot(ann: Terminal) -> None:
    tasks = [await ann.make("/v1/tasks", title=f"task {n}") for n in range(3)]
    ids = [task["id"] for task in tasks]
    changed = await ann.json("start", *ids[:2])
    assert [task["status"] for task in changed["tasks"]] == ["IN_PROGRESS"] * 2
    printed = await ann.run("start", ids[2], ids[0], "-o", "jsonl")
    assert printed.code == 73
    assert [json.loads(line)["id"] for line in printed.out.splitlines()] == [ids[2]]
    assert await ann.refused(69, "done", ids[2], SECRET_OF_NOBODY[-8:])
    assert (await ann.json("show", ids[2]))["status"] == "IN_PROGRESS"


async def test_lists_longer_than_a_page_are_followed(somebody: Callable[[], Awaitable[Terminal]]) -> None:
    carl = await somebody()
    for batch in (range(1000), range(4)):
        await carl.make("/v1/tasks:batchCreate", requests=[{"task": {"title": f"task {n}"}} for n in batch])
    some, every = await asyncio.gather(carl.json("list", "--limit", "3"), carl.json("list", "--all"))
    assert len(some["tasks"]) == 3
    assert some["nextPageToken"]
    assert len({task["id"] for task in every["tasks"]}) == 1004
    assert every["nextPageToken"] == ""


async def test_each_format_carries_the_same(ann: Terminal, task: dict[str, Any]) -> None:
    id_ = task["id"]
    documents, lines, by_variable, early, listed = await asyncio.gather(
        ann.ok("show", id_, "-o", "yaml"),
        ann.ok("show", id_, "-o", "jsonl"),
        ann.given(TASKBELL_OUTPUT="json").ok("show", id_),
        ann.ok("--output", "json", "show", id_),
        ann.ok("list", "-o", "jsonl"),
    )
    assert yaml.safe_load(documents) == task
    assert [json.loads(line) for line in lines.splitlines()] == [task]
    assert json.loads(by_variable) == json.loads(early) == task
    assert task in [json.loads(line) for line in listed.splitlines()]


async def test_a_pipe_gets_plain_text_that_is_not_cut(ann: Terminal) -> None:
    title = "a long title " * 30
    task = await ann.make("/v1/tasks", title=title)
    table = await ann.given(FORCE_COLOR="1").ok("list")
    assert "\x1b" not in table
    assert re.search(rf"^{task['id'][-8:]} +PENDING +NORMAL +{title.strip()}$", table, re.MULTILINE)


async def test_a_terminal_gets_colour_unless_it_wants_none(ann: Terminal) -> None:
    await ann.make("/v1/tasks", title="hot", priority="URGENT")
    coloured, plain = await asyncio.gather(ann.on_screen("list"), ann.given(NO_COLOR="1").on_screen("list"))
    assert "\x1b[1;31mURGENT" in coloured
    assert "URGENT" in plain
    assert "[1;31m" not in plain


async def test_a_title_cannot_steer_a_terminal(ann: Terminal) -> None:
    task = await ann.make("/v1/tasks", title="nice\x1b[2J\x07 [red]title[/red]")
    screen = await ann.on_screen("show", task["id"])
    assert "\x1b[2J" not in screen
    assert "[red]title[/red]" in screen


async def test_a_reader_who_stops_reading_ends_the_command_quietly(ann: Terminal) -> None:
    child = await asyncio.create_subprocess_shell(
        f'"{sys.executable}" -m cli list -P - | true; exit ${{PIPESTATUS[0]}}',
        env=ann.variables, executable="/bin/bash", stderr=PIPE,
    )  # fmt: skip
    _, err = await child.communicate()
    assert (child.returncode, err) == (141, b"")


@pytest.mark.parametrize(
    ("code", "reason", "arguments"),
    [
        (67, "INVALID_FILTER", ["list", "-f", "status ="]),
        (67, "INVALID_FIELD", ["add", "x" * 501]),
        (69, "TASK_NOT_FOUND", ["show", SECRET_OF_NOBODY]),
        (69, "PROJECT_NOT_FOUND", ["add", "x", "-P", "nowhere"]),
        (2, "project members", ["add", "x", "-a", "stranger"]),
    ],
)
async def test_what_the_server_refuses_is_told_in_a_line(
    ann: Terminal, code: int, reason: str, arguments: list[str]
) -> None:
    printed = await ann.run(*arguments)
    assert (printed.code, printed.out) == (code, "")
    assert reason in printed.err
