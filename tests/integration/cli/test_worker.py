"""`taskbell worker` and the example of the SDK, against the whole system as it runs."""

import asyncio
import hashlib
import json
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from devstack.stack import Stack
from tests.integration.cli.terminal import PIPE, Terminal

ROOT = Path(__file__).parents[3]


@dataclass
class Working:
    """A worker that runs, and what it prints."""

    process: Process

    async def prints(self, text: str) -> str:
        """The next line with this text."""
        assert self.process.stdout
        return await _line_with(self.process.stdout, text)

    async def tells(self, text: str) -> str:
        """The same on standard error."""
        assert self.process.stderr
        return await _line_with(self.process.stderr, text)

    async def ends(self, *signals: signal.Signals) -> int:
        """Its exit code, after these signals."""
        for number in signals:
            self.process.send_signal(number)
        async with asyncio.timeout(60):
            code = await self.process.wait()
        assert self.process.stderr
        assert b"Traceback" not in await self.process.stderr.read()
        return code


async def _line_with(stream: asyncio.StreamReader, text: str) -> str:
    seen = []
    async with asyncio.timeout(60):
        while line := (await stream.readline()).decode():
            seen.append(line)
            if text in line:
                return line
    raise AssertionError(f"it ended without {text!r}: {seen}")


@pytest_asyncio.fixture(scope="module")
async def carl(somebody: Callable[[], Awaitable[Terminal]]) -> Terminal:
    """Somebody whose programs have a token that only lets them work."""
    terminal = await somebody()
    made = await terminal.make("/v1/tokens", name="worker", scopes=["queues:work"])
    return terminal.given(WORKER_TOKEN=made["secret"])


@asynccontextmanager
async def working(carl: Terminal, *arguments: str) -> AsyncIterator[Working]:
    """Runs `taskbell worker` with the token alone, until the end of the test."""
    alone = carl.given(TASKBELL_TOKEN=carl.environment["WORKER_TOKEN"], TASKBELL_CONFIG="/nowhere")
    process = await alone._start(("worker", *arguments), stdout=PIPE, stderr=PIPE)
    try:
        worker = Working(process)
        await worker.tells("Working.")
        yield worker
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def settled(carl: Terminal, task: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """The task once it has one of the statuses."""
    async with asyncio.timeout(60):
        while (now := await carl.rest(f"/v1/tasks/{task['id']}"))["status"] not in statuses:  # noqa: ASYNC110 - the server sets no event of ours
            await asyncio.sleep(0.05)
    found: dict[str, Any] = now
    return found


async def seen_workers(carl: Terminal, queue: str) -> list[str]:
    """Who works on a queue, as soon as anybody is noted: workers are noted together, every few seconds."""
    async with asyncio.timeout(60):
        while not (seen := (await carl.json("queue", "show", queue))["workers"]):  # noqa: ASYNC110 - the server sets no event of ours
            await asyncio.sleep(0.1)
    return [each["name"] for each in seen]


async def test_any_command_does_tasks_with_a_token_that_only_lets_it_work(carl: Terminal) -> None:
    make = [
        carl.make("/v1/tasks", title=f"job {n}", queue="any", payload={"n": n}, maxAttempts=1) for n in range(4)
    ]  # fmt: skip
    tasks = await asyncio.gather(*make)
    script = (
        "read payload; echo TASKBELL_PROGRESS 50 half of $TASKBELL_TITLE >&2\n"
        'case "$payload" in *0*) echo "$payload";; *1*) echo a text;; *2*) exit 75;;\n'
        "*) echo the disk is full >&2; exit 3;; esac"
    )
    async with working(carl, "-q", "any", "-c", "4", "--name", "w1", "-o", "jsonl", "--", "sh", "-c", script) as worker:
        records = {}
        for _ in tasks:
            record = json.loads(await worker.prints("{"))
            records[record["taskId"]] = record
        done, text, off, failed = [
            await settled(carl, task, "COMPLETED", "FAILED", *(["PENDING"] if n == 2 else []))
            for n, task in enumerate(tasks)
        ]
        assert await seen_workers(carl, "any") == ["w1"]
        assert await worker.ends(signal.SIGTERM) == 0
    assert (done["result"], text["result"]) == ({"n": 0}, {"output": "a text"})
    assert (off["status"], off["attempt"], "scheduleTime" in off) == ("PENDING", 0, True)
    assert (failed["status"], failed["lastError"]) == ("FAILED", "the disk is full")
    assert done["progress"] == {"percent": 50, "message": "half of job 0"}
    outcomes = [records[task["id"]]["outcome"] for task in tasks]
    assert outcomes == ["COMPLETED", "COMPLETED", "PUT_OFF", "FAILED"]
    assert records[done["id"]]["result"] == {"n": 0}
    assert records[failed["id"]]["error"] == "the disk is full"


async def test_a_cancelled_task_ends_its_command(carl: Terminal, tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    script = f"trap 'touch {cleaned}; exit 1' TERM; echo here >&2; while true; do sleep 0.05; done"
    async with working(carl, "-q", "endless", "--", "sh", "-c", script) as worker:
        task = await carl.make("/v1/tasks", title="Never done", queue="endless")
        await worker.prints("| here")
        await carl.make(f"/v1/tasks/{task['id']}:cancel")
        assert "Never done" in await worker.prints("stopped")
        assert cleaned.exists()
        assert await worker.ends(signal.SIGINT) == 130
    assert (await carl.rest(f"/v1/tasks/{task['id']}"))["status"] == "CANCELLED"


async def test_ctrl_c_finishes_what_runs_and_leaves_the_rest(carl: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo here >&2; while ! test -e {go}; do sleep 0.05; done; echo done"
    first, second = [await carl.make("/v1/tasks", title=title, queue="drained") for title in ("one", "two")]
    async with working(carl, "-q", "drained", "--", "sh", "-c", script) as worker:
        await worker.prints("| here")
        worker.process.send_signal(signal.SIGINT)
        await worker.tells("Finishing the running task")
        go.touch()
        assert await worker.ends() == 130
    assert (await carl.rest(f"/v1/tasks/{first['id']}"))["result"] == {"output": "done"}
    left = await carl.rest(f"/v1/tasks/{second['id']}")
    assert (left["status"], left["attempt"]) == ("PENDING", 0)


async def test_ctrl_c_twice_gives_back_what_runs_as_if_it_had_not_been_tried(carl: Terminal) -> None:
    task = await carl.make("/v1/tasks", title="Long", queue="twice")
    async with working(carl, "-q", "twice", "--", "sh", "-c", "echo here >&2; sleep 100") as worker:
        await worker.prints("| here")
        worker.process.send_signal(signal.SIGINT)
        await worker.tells("Finishing")
        worker.process.send_signal(signal.SIGINT)
        await worker.prints("given back")
        assert await worker.ends() == 130
    back = await carl.rest(f"/v1/tasks/{task['id']}")
    assert (back["status"], back["attempt"], "scheduleTime" in back) == ("PENDING", 0, False)


async def test_a_job_outlives_a_restart_of_the_server_and_is_stored_once(
    stack: Stack, carl: Terminal, tmp_path: Path
) -> None:
    go, runs = tmp_path / "go", tmp_path / "runs"
    script = f"echo x >> {runs}; echo here >&2; while ! test -e {go}; do sleep 0.05; done; echo done"
    task = await carl.make("/v1/tasks", title="Long", queue="restarted")
    async with working(carl, "-q", "restarted", "--", "sh", "-c", script) as worker:
        await worker.prints("| here")
        await stack.tasksvc.kill()
        await worker.tells("Connection lost")
        await stack.tasksvc.start()
        await worker.tells("Working.")
        go.touch()
        await worker.prints("completed")
        assert (await settled(carl, task, "COMPLETED"))["attempt"] == 1
        assert await worker.ends(signal.SIGTERM) == 0
    assert runs.read_text() == "x\n"


@pytest.mark.parametrize(
    ("code", "told", "arguments"),
    [
        (69, "PROJECT_NOT_FOUND", ["-q", "q", "-P", "0190a0b0-0000-7000-8000-0000000fffff"]),
        (67, "INVALID_FIELD", ["-q", "Not A Name"]),
        (2, "name the project by its id", ["-q", "q", "-P", "Studio"]),
    ],
)
async def test_what_cannot_work_is_told_in_a_line(carl: Terminal, code: int, told: str, arguments: list[str]) -> None:
    alone = carl.given(TASKBELL_TOKEN=carl.environment["WORKER_TOKEN"])
    printed = await alone.run("worker", *arguments, "--", "true")
    assert (printed.code, printed.out) == (code, "")
    assert told in printed.err


async def test_a_token_that_may_not_work_is_refused(carl: Terminal) -> None:
    made = await carl.make("/v1/tokens", name="reader", scopes=["tasks:read"])
    refused = await carl.given(TASKBELL_TOKEN=made["secret"]).refused(71, "worker", "-q", "q", "--", "true")
    assert refused.endswith("(SCOPE_MISSING)")


async def test_the_example_of_the_sdk_does_what_it_says(carl: Terminal, tmp_path: Path) -> None:
    text = "To be or not to be\n" * 50_000
    (file := tmp_path / "hamlet.txt").write_text(text)
    good = await carl.make("/v1/tasks", title="Look", queue="checksums", payload={"file": str(file)})
    bad = await carl.make("/v1/tasks", title="Look", queue="checksums", payload={"file": "/nowhere"})
    variables = {**carl.variables, "TASKBELL_TOKEN": carl.environment["WORKER_TOKEN"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "examples" / "checksums.py"), env=variables, cwd=ROOT, stderr=PIPE
    )
    try:
        done, failed = await settled(carl, good, "COMPLETED"), await settled(carl, bad, "FAILED", "PENDING")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert done["result"] == {"sha256": digest, "bytes": len(text), "words": 300_000}
    assert done["progress"]["percent"] == 100
    assert failed["lastError"] == "there is no file '/nowhere' on this machine"
    assert failed["status"] == "FAILED"
