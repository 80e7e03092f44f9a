"""Queues, and tasks for programs, as typed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.cli.terminal import Terminal

NOBODY = "0190a0b0-0000-7000-8000-0000000fffff"


async def test_each_setting_of_a_queue_can_be_set_and_cleared(ann: Terminal) -> None:
    made = await ann.json(
        *("queue", "set", "tuned", "--max-concurrency", "8", "--max-per-key", "2", "--rate", "100/5m"),
        *("--max-attempts", "3", "--backoff", "2s", "--backoff-max", "10m", "--lease", "1m", "--retention", "30d"),
    )
    assert made == await ann.rest("/v1/queues/tuned")
    assert (made["maxConcurrency"], made["maxConcurrencyPerKey"], made["defaultMaxAttempts"]) == (8, 2, 3)
    assert made["rateLimit"] == {"tasks": 100, "period": "300s"}
    assert made["backoff"] == {"initial": "2s", "max": "600s"}
    assert (made["defaultLeaseDuration"], made["retention"]) == ("60s", "2592000s")
    changed = await ann.json("queue", "set", "tuned", "--backoff-max", "1h", "--clear", "rate", "--clear", "retention")
    assert changed["backoff"] == {"initial": "2s", "max": "3600s"}
    assert {"rateLimit", "retention"}.isdisjoint(changed)
    assert changed["maxConcurrency"] == 8


async def test_queues_are_shown_as_the_rest_api_shows_them(ann: Terminal) -> None:
    await ann.make("/v1/tasks", title="a job", queue="shown")
    await ann.ok("queue", "pause", "shown")
    shown, listed = await ann.json("queue", "show", "shown"), await ann.json("queue", "list")
    theirs, all_of_them = await ann.rest("/v1/queues/shown"), await ann.rest("/v1/queues")
    for queue in (shown, theirs, *listed["queues"], *all_of_them["queues"]):
        queue.pop("oldestWaitingAge", None)  # goes on
    assert shown == theirs
    assert listed == all_of_them
    assert shown["depth"]["waiting"] == "1"


async def test_a_paused_queue_says_so_until_it_is_resumed(ann: Terminal) -> None:
    project = (await ann.make("/v1/projects", title="Studio"))["id"]
    paused = await ann.json("queue", "pause", "pictures", "-P", "studio")
    assert paused["projectId"] == project
    assert "pauseTime" in paused
    assert "pictures  PAUSED" in await ann.ok("queue", "list", "-P", project)
    assert "Paused" in await ann.ok("queue", "show", "pictures", "-P", project)
    assert "pauseTime" not in await ann.json("queue", "resume", "pictures", "-P", project)


async def test_all_that_workers_are_told_arrives(ann: Terminal, tmp_path: Path) -> None:
    first = await ann.make("/v1/tasks", title="first")
    payload = tmp_path / "payload.json"
    payload.write_text('{"file": "ä.png"}')
    task = await ann.json(
        *("add", "Resize", "--queue", "images", "--payload", f"@{payload}", "--unique-key", "ä.png"),
        *("--unique-for", "1h", "--concurrency-key", "disk1", "--max-attempts", "2", "--at", "2h"),
        *("--blocked-by", first["id"][-8:], "--recur", "FREQ=DAILY;BYHOUR=9", "--recur-mode", "on-schedule"),
        *("--time-zone", "Europe/Berlin"),
    )
    assert task == await ann.rest(f"/v1/tasks/{task['id']}")
    assert task["payload"] == {"file": "ä.png"}
    assert (task["uniqueKey"], task["uniqueScope"], task["uniquePeriod"]) == ("ä.png", "PERIOD", "3600s")
    assert (task["concurrencyKey"], task["maxAttempts"], task["blockedBy"]) == ("disk1", 2, [first["id"]])
    assert (
        timedelta(minutes=119) < datetime.fromisoformat(task["scheduleTime"]) - datetime.now(UTC) < timedelta(hours=2)
    )
    assert (task["recurrence"], task["recurrenceMode"]) == ("FREQ=DAILY;BYHOUR=9", "ON_SCHEDULE")
    assert task["recurrenceTimeZone"] == "Europe/Berlin"
    shown = await ann.ok("show", task["id"])
    for text in ("ä.png (for 1 h)", "disk1", "0 of 2", first["id"], "FREQ=DAILY;BYHOUR=9 (on schedule, Europe/Berlin)"):
        assert text in shown
    taken = await ann.refused(70, "add", "Again", "--queue", "images", "--unique-key", "ä.png")
    assert task["id"] in taken
    assert taken.endswith("(UNIQUE_KEY_TAKEN)")


async def test_when_a_task_can_be_done_can_be_edited(ann: Terminal) -> None:
    first, task = [await ann.make("/v1/tasks", title=title) for title in ("first", "then")]
    edited = await ann.json(
        "edit", task["id"], "--at", "2030-01-02", "--blocked-by", first["id"], "--recur", "weekly", "--time-zone", "UTC"
    )
    assert edited["scheduleTime"].startswith("2030-01-0")
    assert (edited["blockedBy"], edited["recurrence"]) == ([first["id"]], "FREQ=WEEKLY")
    cleared = await ann.json(
        "edit", task["id"], "--clear", "schedule", "--clear", "blocked-by", "--clear", "recurrence"
    )
    assert "scheduleTime" not in cleared
    assert (cleared["blockedBy"], cleared["recurrence"]) == ([], "")


@pytest.mark.parametrize(
    ("code", "reason", "arguments"),
    [
        (69, "QUEUE_NOT_FOUND", ["queue", "show", "nowhere"]),
        (67, "INVALID_FIELD", ["queue", "pause", "Not A Name"]),
        (67, "INVALID_FIELD", ["queue", "set", "q", "--max-attempts", "101"]),
        (67, "INVALID_FIELD", ["queue", "set", "q", "--lease", "2h"]),
        (67, "INVALID_FIELD", ["add", "x", "--queue", "q", "--blocked-by", NOBODY]),
        (67, "INVALID_FIELD", ["add", "x", "--recur", "FREQ=NEVER"]),
    ],
)
async def test_what_the_server_refuses_is_told_in_a_line(
    ann: Terminal, code: int, reason: str, arguments: list[str]
) -> None:
    assert (await ann.refused(code, *arguments)).endswith(f"({reason})")


async def test_a_shell_completes_the_names_of_queues(ann: Terminal) -> None:
    await ann.ok("queue", "pause", "completed")
    asked = {"_TASKBELL_COMPLETE": "complete_bash", "COMP_WORDS": "taskbell worker --queue comp", "COMP_CWORD": "3"}
    assert (await ann.given(**asked).run()).out.split() == ["completed"]
