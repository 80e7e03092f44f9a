"""`taskbell comment` and `taskbell comments`, as typed, and what `show`, `watch` and `inbox` make of them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest_asyncio

from tests.integration.cli.terminal import Terminal
from tests.integration.cli.test_watch import events, watching


@pytest_asyncio.fixture
async def task(ann: Terminal, bob: Terminal) -> dict[str, Any]:
    """A task in a project of ann's that bob is in too."""
    project = await ann.make("/v1/projects", title="House")
    await ann.make(f"/v1/projects/{project['id']}/members", username=bob.username, role="EDITOR")
    made: dict[str, Any] = await ann.make("/v1/tasks", title="Paint the walls", projectId=project["id"])
    return made


async def line_with(text: str, child: asyncio.subprocess.Process) -> str:
    """The next line with this text that a command prints."""
    assert child.stdout
    async with asyncio.timeout(60):
        while text not in (line := (await child.stdout.readline()).decode()):
            assert line, "the command has ended"
    return line


async def test_comments_are_made_listed_changed_and_removed(ann: Terminal, bob: Terminal, task: dict[str, Any]) -> None:
    short, path = task["id"][-8:], f"/v1/tasks/{task['id']}/comments"
    first = await bob.json("comment", short, "Which", "colour?")
    assert (first["text"], [first]) == ("Which colour?", (await ann.rest(path))["comments"])
    second = await ann.json("comment", task["id"], "-", stdin="White.\n\n- two coats\n")
    assert second["text"] == "White.\n\n- two coats\n"
    assert await ann.json("comments", short) == await ann.json("comments", "list", task["id"]) == await ann.rest(path)
    newest = await ann.json("comments", "list", short, "--newest-first", "-n", "1")
    assert newest["comments"] == [second]
    changed = await bob.json("comments", "edit", short, first["id"][-6:], "What", "colour?")
    assert changed["text"] == "What colour?"
    assert await ann.ok("comments", "rm", short, first["id"], second["id"][-8:]) == "".join(
        f"Deleted the comment {each['id'][-8:]}.\n" for each in (first, second)
    )
    assert (await ann.rest(path))["comments"] == []


async def test_people_read_who_said_what_and_the_last_of_it_beside_the_task(
    ann: Terminal, bob: Terminal, task: dict[str, Any]
) -> None:
    for number in range(4):
        await (bob if number % 2 else ann).make(f"/v1/tasks/{task['id']}/comments", text=f"Thought {number}\nmore")
    listed, shown, plain = await asyncio.gather(
        ann.ok("comments", task["id"]), ann.ok("show", task["id"]), ann.json("show", task["id"])
    )
    lines = listed.splitlines()
    assert re.fullmatch(rf"[0-9a-f]{{8}}  \d{{4}}-\d\d-\d\d \d\d:\d\d  {ann.username}", lines[0])
    assert lines[1:3] == ["  Thought 0", "  more"]
    assert bob.username in lines[3]
    assert "Thought 0" not in shown
    assert [line for line in shown.splitlines() if "Thought" in line] == [f"  Thought {number}" for number in (1, 2, 3)]
    assert f"taskbell comments {task['id'][-8:]}" in shown
    assert plain == await ann.rest(f"/v1/tasks/{task['id']}")


async def test_what_is_refused_is_told_in_a_line(ann: Terminal, bob: Terminal, task: dict[str, Any]) -> None:
    comment = await ann.make(f"/v1/tasks/{task['id']}/comments", text="mine")
    assert "AUTHOR_REQUIRED" in await bob.refused(71, "comments", "edit", task["id"], comment["id"], "not", "mine")
    assert "COMMENT_NOT_FOUND" in await bob.refused(69, "comments", "rm", task["id"], "ffffff")
    assert "TASK_NOT_FOUND" in await bob.refused(69, "comment", "0190a0b0-0000-7000-8000-0000000fffff", "hello")


async def test_a_comment_comes_as_a_line_and_its_mention_into_the_inbox(
    ann: Terminal, somebody: Callable[[], Awaitable[Terminal]], task: dict[str, Any]
) -> None:
    carl, short = await somebody(), task["id"][-8:]
    await ann.make(f"/v1/projects/{task['projectId']}/members", username=carl.username, role="VIEWER")
    async with carl.running("watch", "--inbox", "-o", "jsonl") as inbox, ann.running("watch") as lines:
        await watching(inbox)
        await watching(lines)
        comment = await ann.make(f"/v1/tasks/{task['id']}/comments", text=f"@{carl.username},\nwhich colour?")
        [event] = await events(inbox, 1)
        line = await line_with("comment.created", lines)
    assert (event["type"], event["comment"]) == ("comment.created", comment)
    said = f"comment.created  {short}  PENDING  Paint the walls: @{carl.username}, which colour?  by {ann.username}"
    assert line.rstrip().endswith(said)
    for narrowed in (("-r", "mentioned"), ("--task", short), ("-P", task["projectId"]), ("-f", "type:comment")):
        found = (await carl.json("inbox", *narrowed, "-s", "unread"))["notifications"]
        assert [each["event"]["comment"] for each in found] == [comment]
    table = await carl.ok("inbox")
    assert re.search(rf"UNREAD .* MENTIONED +{ann.username} +{short} +Paint the walls: @{carl.username}, which", table)
    assert await carl.json("inbox", "read", "--task", short) == {"unreadCount": 0}
    assert await carl.ok("inbox", "unread", "-r", "mentioned", "-r", "commented") == "1 unread.\n"
    assert await carl.json("inbox", "archive", "-f", "walls", "--task", short) == {"unreadCount": 0}
    assert "Nothing found" in (await carl.run("inbox", "--task", short)).err
