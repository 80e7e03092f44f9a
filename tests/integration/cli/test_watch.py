"""`taskbell watch` and `taskbell inbox`, against the whole system as it runs."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from devstack.stack import Stack
from tests.integration.cli.terminal import Terminal


async def watching(child: asyncio.subprocess.Process) -> None:
    """Waits until the command says that it listens."""
    assert child.stderr
    async with asyncio.timeout(60):
        while (line := await child.stderr.readline()) != b"Watching.\n":
            assert line, "the command has ended"


async def events(child: asyncio.subprocess.Process, count: int) -> list[dict[str, Any]]:
    """The next events that it prints."""
    assert child.stdout
    async with asyncio.timeout(60):
        return [json.loads(await child.stdout.readline()) for _ in range(count)]


async def test_changes_are_printed_as_they_happen_until_ctrl_c(ann: Terminal) -> None:
    async with ann.running("watch", "-o", "jsonl") as child:
        await watching(child)
        task = await ann.make("/v1/tasks", title="Book the van")
        await ann.make(f"/v1/tasks/{task['id']}:complete")
        created, completed = await events(child, 2)
    assert [each["type"] for each in (created, completed)] == ["task.created", "task.completed"]
    assert created["task"] == task
    assert completed["changedFields"] == ["status"]
    async with ann.running("watch", "-o", "jsonl", "--after", created["cursor"]) as child:
        assert await events(child, 1) == [completed]


async def test_a_watch_can_be_narrowed(ann: Terminal, bob: Terminal) -> None:
    band = (await ann.make("/v1/projects", title="Band"))["id"]
    await ann.make(f"/v1/projects/{band}/members", username=bob.username, role="EDITOR")
    bobs = (await bob.rest("/v1/users/me"))["id"]
    async with (
        bob.running("watch", "-P", "band", "-f", "priority >= HIGH", "-o", "jsonl") as narrow,
        bob.running("watch", "--inbox", "-o", "jsonl") as inbox,
    ):
        await watching(narrow)
        await watching(inbox)
        await bob.make("/v1/tasks", title="elsewhere", priority="URGENT")
        await ann.make("/v1/tasks", title="low", projectId=band, priority="LOW", assigneeId=bobs)
        await ann.make("/v1/tasks", title="high", projectId=band, priority="HIGH")
        [seen] = await events(narrow, 1)
        [concerning] = await events(inbox, 1)
    assert seen["task"]["title"] == "high"
    assert concerning["task"]["title"] == "low"


async def test_a_pipe_gets_a_line_an_event(ann: Terminal) -> None:
    async with ann.running("watch") as child:
        await watching(child)
        task = await ann.make("/v1/tasks", title="milk")
        assert child.stdout
        async with asyncio.timeout(60):
            line = (await child.stdout.readline()).decode()
    assert f"task.created  {task['id'][-8:]}  PENDING  milk" in line
    assert line.rstrip().endswith(f"by {ann.username}")


async def test_a_screen_gets_a_live_table(ann: Terminal) -> None:
    ours, theirs = pty.openpty()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "watch", env=ann.variables, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)

    async def drawn(text: str) -> None:
        seen = ""
        while text not in seen:
            seen += (await asyncio.to_thread(os.read, ours, 4096)).decode(errors="replace")

    async with asyncio.timeout(60):
        await drawn("Watching.")
        await ann.make("/v1/tasks", title="Feed the cat")
        await drawn("Feed the cat")
        child.send_signal(signal.SIGINT)
        assert await child.wait() == 130
    os.close(ours)


async def test_what_cannot_be_watched_is_refused(ann: Terminal) -> None:
    for code, reason, arguments in (
        (67, "INVALID_FILTER", ["-f", "status ="]),
        (69, "PROJECT_NOT_FOUND", ["-P", "0190a0b0-0000-7000-8000-0000000fffff"]),
        (67, "INVALID_CURSOR", ["--after", "yesterday"]),
    ):
        printed = await ann.run("watch", "-o", "jsonl", *arguments)
        assert (printed.code, printed.out) == (code, "")
        assert reason in printed.err


async def test_a_watch_outlives_a_restart_of_the_service(
    stack: Stack, somebody: Callable[[], Awaitable[Terminal]]
) -> None:
    carl = await somebody()
    async with carl.running("watch", "-o", "jsonl") as child:
        await watching(child)
        await carl.make("/v1/tasks", title="before")
        await events(child, 1)
        await stack.notifysvc.kill()
        await carl.make("/v1/tasks", title="meanwhile")
        await stack.notifysvc.start()
        await carl.make("/v1/tasks", title="after")
        seen = await events(child, 2)
    assert [each["task"]["title"] for each in seen] == ["meanwhile", "after"]


async def test_the_inbox_is_read_and_put_away(somebody: Callable[[], Awaitable[Terminal]]) -> None:
    carl = await somebody()
    async with carl.running("watch", "--inbox", "-o", "jsonl") as child:
        await watching(child)
        me = (await carl.rest("/v1/users/me"))["id"]
        for title in ("one", "two"):
            await carl.make("/v1/tasks", title=title, assigneeId=me)
        await events(child, 2)
    listed = await carl.json("inbox", "list")
    assert listed == await carl.rest("/v1/notifications") == await carl.json("inbox")
    assert [each["event"]["task"]["title"] for each in listed["notifications"]] == ["two", "one"]
    assert listed["unreadCount"] == 2
    newest = listed["notifications"][0]["id"]
    assert await carl.json("inbox", "read", newest[-6:]) == {"unreadCount": 1}
    assert await carl.ok("inbox", "archive", newest) == "1 unread.\n"
    assert [each["id"] for each in (await carl.json("inbox", "list", "-s", "archived"))["notifications"]] == [newest]
    assert "one" in await carl.ok("inbox", "list")
    assert await carl.json("inbox", "archive", "--all") == {"unreadCount": 0}
    assert "NOTIFICATION_NOT_FOUND" in await carl.refused(69, "inbox", "read", "0190a0b0-0000-7000-8000-0000000fffff")


@pytest.mark.parametrize("command", ["dev", "demo"])
async def test_dev_and_demo_tell_their_own_flags(nobody: Terminal, command: str) -> None:
    assert f"taskbell {command}" in await nobody.ok(command, "--help")
