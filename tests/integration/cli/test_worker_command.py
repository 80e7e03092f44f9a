"""What a command gets, and what is made of what it does: real processes, without a server."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import sdk
from cli.work import AttemptFailed, Job, Snooze, process_group
from cli.work.command import Command
from cli.work.handlers import attempt
from cli.work.outcome import LARGEST_RESULT, Completed, Failed

ID = "0190a0b0-0000-7000-8000-00000000000a"
Reports = list[tuple[int, str]]


class Run:
    """Runs commands for one job, and keeps what they tell."""

    def __init__(self) -> None:
        self.reports: Reports = []
        self.said: list[str] = []
        self.job = self.of()

    def of(self, **payload: Any) -> Job:
        task = sdk.tasks.Task(
            id=ID, title="Привет, a job", project_id="p", queue="q", max_attempts=5,
            payload=sdk.google.Struct.from_dict(payload),
        )  # fmt: skip
        lease = sdk.queues.Lease(lease_id="l", task=task, attempt=2)
        self.job = Job(lease, lambda percent, message: self.reports.append((percent, message)))
        return self.job

    def command(self, *words: str, timeout: float | None = None) -> Command:
        return Command(words, "w1", timeout, 45.0, lambda _job, line: self.said.append(line))

    async def shell(self, script: str, **settings: Any) -> Any:
        async with asyncio.timeout(60):
            return await self.command("sh", "-c", script, **settings)(self.job)

    async def python(self, program: str) -> Any:
        async with asyncio.timeout(60):
            return await self.command(sys.executable, "-c", program)(self.job)


@pytest.fixture
def run() -> Run:
    return Run()


def alive(pid: int) -> bool:
    """Whether it runs; a zombie doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_descriptors() -> int:
    """Those of the kinds by which a process is spoken with; connections come and go by themselves."""
    targets = (str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
    return sum(target.startswith(("pipe:", "anon_inode:[pidfd]")) for target in targets)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.01)


async def test_the_payload_is_on_standard_input_and_the_task_in_the_environment(run: Run) -> None:
    run.of(file="ä.png", sizes=[64, 128], deep={"x": None})
    assert await run.shell("cat") == {"file": "ä.png", "sizes": [64, 128], "deep": {"x": None}}
    printed = await run.shell(
        'echo "$TASKBELL_TASK_ID $TASKBELL_QUEUE $TASKBELL_ATTEMPT/$TASKBELL_MAX_ATTEMPTS $TASKBELL_TITLE"'
    )
    assert printed == {"output": f"{ID} q 2/5 Привет, a job"}


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ("true", None),
        ("echo", None),
        ("echo '{\"pages\": 3}'", {"pages": 3}),
        ("printf 'one\\ntwo\\n\\n'", {"output": "one\ntwo"}),
        ("echo '[1, 2]'", {"output": "[1, 2]"}),
        ("echo '{\"n\": NaN}'", {"output": '{"n": NaN}'}),
        ("printf 'a\\377b\\0c'", {"output": "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"}),
    ],
)
async def test_a_json_object_is_the_result_and_anything_else_a_text(run: Run, script: str, result: Any) -> None:
    assert await run.shell(script) == result


async def test_a_payload_that_nobody_reads_stops_nobody(run: Run) -> None:
    run.of(text="x" * 250_000)
    assert await run.shell("exec <&-; echo fine") == {"output": "fine"}


async def test_output_without_end_is_read_and_only_its_end_is_kept(run: Run) -> None:
    result = await run.python("import sys\nfor n in range(400_000): print('é\\x01\"', n)")
    assert result["truncated"] is True
    assert result["output"].endswith(" 399999")
    outcome = await attempt(lambda _job: result, run.job)
    assert isinstance(outcome, Completed)
    assert LARGEST_RESULT // 4 < outcome.size <= LARGEST_RESULT


async def test_another_code_fails_with_the_end_of_standard_error(run: Run) -> None:
    outcome = await attempt(run.command("sh", "-c", "echo some; echo 'boom: no such file' >&2; exit 3"), run.job)
    assert outcome == Failed("boom: no such file")
    assert run.said == ["boom: no such file"]
    with pytest.raises(AttemptFailed, match=r"^It ended with the exit code 4\.$"):
        await run.shell("exit 4")
    with pytest.raises(AttemptFailed, match=r"^It was killed by SIGSEGV\.$"):
        await run.shell("kill -SEGV $$")
    with pytest.raises(AttemptFailed) as failure:
        await run.python("import sys\nfor n in range(99_999): print('line', n, file=sys.stderr)\nsys.exit(1)")
    assert str(failure.value).endswith("line 99998")
    assert len(str(failure.value)) <= 4096


async def test_75_puts_the_task_off(run: Run) -> None:
    with pytest.raises(Snooze, match="the disk is full") as snooze:
        await run.shell("echo the disk is full >&2; exit 75")
    assert snooze.value.after == 45


async def test_progress_comes_by_marked_lines_or_by_a_file_descriptor(run: Run) -> None:
    await run.shell("for n in 10 20; do echo TASKBELL_PROGRESS $n step $n >&2; done; echo TASKBELL_PROGRESS 99.5% >&2")
    assert run.reports == [(10, "step 10"), (20, "step 20"), (99, "")]
    await run.shell('echo "40 by descriptor" > "/dev/fd/$TASKBELL_PROGRESS_FD"')
    assert run.reports[3:] == [(40, "by descriptor")]
    assert run.said == []
    await run.shell("echo TASKBELL_PROGRESS soon >&2; echo TASKBELL_PROGRESS 101 >&2; echo 50 more to go >&2")
    assert run.reports[4:] == []
    assert run.said == ["TASKBELL_PROGRESS soon", "TASKBELL_PROGRESS 101", "50 more to go"]


async def test_what_it_left_running_ends_with_it(run: Run) -> None:
    result = await run.shell("sleep 100 & echo '{\"pid\": '$!'}'")
    await until(lambda: not alive(result["pid"]))


async def test_what_left_its_group_is_not_waited_for(run: Run) -> None:
    result = await run.python(
        "import subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '100'], start_new_session=True)\n"
        "print('{\"pid\": %d}' % child.pid)"
    )
    os.kill(result["pid"], 9)


async def test_what_takes_too_long_is_ended_with_all_that_it_started(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_group, "KILL_AFTER", 0.2)
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 100 & echo $$ $! > {pids}; echo busy >&2; while true; do sleep 1; done"
    with pytest.raises(AttemptFailed, match=r"^busy\nIt took longer than 0\.5 s\.$"):
        async with asyncio.timeout(60):
            await run.command("sh", "-c", script, timeout=0.5)(run.job)
    await until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


async def test_cancelled_it_gets_time_to_clean_up(run: Run, tmp_path: Path) -> None:
    ready, cleaned = tmp_path / "ready", tmp_path / "cleaned"
    script = f"trap 'touch {cleaned}; exit 0' TERM; touch {ready}; while true; do sleep 0.05; done"
    running = asyncio.create_task(run.shell(script))
    await until(ready.exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cleaned.exists()


async def test_a_command_that_cannot_be_started_is_a_failed_attempt(run: Run, tmp_path: Path) -> None:
    with pytest.raises(AttemptFailed, match=r"can't be started: .*No such file"):
        await run.command(str(tmp_path / "nowhere"))(run.job)


async def test_no_process_and_no_descriptor_is_left_behind(run: Run) -> None:
    await run.shell("true")
    before = open_descriptors()
    await asyncio.gather(*(run.shell("echo hello; exit 0") for _ in range(20)))
    await until(lambda: open_descriptors() <= before)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    assert all(alive(int(pid)) for pid in children)
