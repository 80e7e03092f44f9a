"""Any command as a handler: the payload on its standard input, the result from its standard output."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli.work.job import AttemptFailed, Job, Snooze
from cli.work.outcome import LARGEST_RESULT
from cli.work.process_group import ProcessGroup, started
from cli.work.reading import Tail, lines, progress_of

SNOOZE_CODE: Final = 75
"""EX_TEMPFAIL of sysexits.h."""
_LEFT_OPEN: Final = 1.0
"""Seconds that its output may stay open after it, in the hands of what has left its process group."""
_ERROR_BYTES: Final = 4096
_ROOM_FOR_TEXT: Final = LARGEST_RESULT - 64


@dataclass(frozen=True, slots=True)
class Command:
    """Started once for each job. Cancelled, it ends the process group before it gives way."""

    words: Sequence[str]
    worker: str
    timeout: float | None
    retry_after: float
    show: Callable[[Job, str], None]
    """Gets what it writes to standard error, line by line."""

    async def __call__(self, job: Job) -> dict[str, Any] | None:
        """Runs it once."""
        output, errors = Tail(LARGEST_RESULT), Tail(_ERROR_BYTES)
        async with (
            started(self.words, self._environment(job), json.dumps(job.payload, ensure_ascii=False)) as group,
            asyncio.TaskGroup() as tasks,
        ):
            reading = [
                tasks.create_task(output.fill(group.output)),
                tasks.create_task(self._listen(job, group, errors)),
                tasks.create_task(_follow(job, group)),
            ]
            in_time = await group.over(self.timeout)
            _, open_still = await asyncio.wait(reading, timeout=_LEFT_OPEN)
            for each in open_still:
                each.cancel()
        if not in_time:
            raise AttemptFailed(_joined(errors.text(), f"It took longer than {self.timeout:g} s."))
        if group.code == SNOOZE_CODE:
            raise Snooze(self.retry_after, errors.text())
        if group.code < 0:
            raise AttemptFailed(_joined(errors.text(), f"It was killed by {signal.Signals(-group.code).name}."))
        if group.code:
            raise AttemptFailed(errors.text() or f"It ended with the exit code {group.code}.")
        return _result(output)

    def _environment(self, job: Job) -> dict[str, str]:
        task = job.task
        about = {
            "TASKBELL_TASK_ID": task.id,
            "TASKBELL_TITLE": task.title,
            "TASKBELL_PROJECT_ID": task.project_id,
            "TASKBELL_QUEUE": task.queue,
            "TASKBELL_ATTEMPT": str(job.attempt),
            "TASKBELL_MAX_ATTEMPTS": str(task.max_attempts),
            "TASKBELL_LEASE_ID": job.lease_id,
            "TASKBELL_WORKER": self.worker,
        }
        return {**os.environ, **about}

    async def _listen(self, job: Job, group: ProcessGroup, errors: Tail) -> None:
        """Standard error: progress, and what people are told."""
        async for line in lines(group.errors):
            if report := progress_of(line, marked=True):
                _report(job, report)
            else:
                errors.add(line + b"\n")
                self.show(job, line.decode(errors="replace"))


async def _follow(job: Job, group: ProcessGroup) -> None:
    async for line in lines(group.progress):
        if report := progress_of(line, marked=False):
            _report(job, report)


def _report(job: Job, report: tuple[int, str]) -> None:
    if not job.cancelled:
        job.progress(*report)


def _joined(tail: str, end: str) -> str:
    return f"{tail}\n{end}" if tail else end


def _result(output: Tail) -> dict[str, Any] | None:
    """A JSON object as it is, and anything else as a text: its end, if it is too long."""
    text = output.text()
    if not text:
        return None
    if not output.cut and (value := _json_object(text)) is not None:
        return value
    kept = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    while len(json.dumps(kept, ensure_ascii=False).encode()) > _ROOM_FOR_TEXT:
        kept = kept[len(kept) // 8 + 1 :]
    return {"output": kept, "truncated": True} if output.cut or len(kept) < len(text) else {"output": kept}


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
