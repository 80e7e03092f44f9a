"""What is told of a worker, a line or a record each."""

import sys
from datetime import datetime
from typing import Any, Final

from rich.text import Text

from cli.json_shape import to_plain
from cli.names import short
from cli.views.text import one_line, safe
from cli.work.happenings import Connected, Draining, Ended, Happening, Lost, Refused, Started, Stopped
from cli.work.job import Job
from cli.work.outcome import Completed, Failed, Outcome

_STYLES: Final = {
    "completed": "green",
    "failed": "bold red",
    "gave up": "bold red",
    "stopped": "dim",
    "put off": "yellow",
}


def word_for(outcome: Outcome) -> str:
    """What has become of an attempt, in a word or two."""
    match outcome:
        case Completed():
            return "completed"
        case Failed(retryable=retryable):
            return "failed" if retryable else "gave up"
        case _:
            return "put off" if outcome.after else "given back"


def line_of(happening: Happening) -> Text | None:
    """A start or an end on one line."""
    match happening:
        case Started(job):
            return _line(job, "started", f"attempt {job.attempt} of {job.max_attempts}" if job.attempt > 1 else "")
        case Ended(job, outcome, seconds):
            line = _line(job, word_for(outcome), f"{seconds:.1f} s")
            if isinstance(outcome, Failed):
                line.append(f"  {one_line(outcome.error)[:200]}", style="red")
            return line
        case Stopped(job, seconds):
            return _line(job, "stopped", f"{seconds:.1f} s; it was cancelled, or is somebody else's")
    return None


def told(happening: Happening) -> str:
    """What is worth telling of the worker itself."""
    match happening:
        case Connected():
            return "Working."
        case Lost(reason, wait):
            return f"Connection lost ({reason}); again in {wait:.1f} s."
        case Refused(lease_id, reason, error):
            return f"The answer to the lease {lease_id} was not stored: {error} ({reason})."
        case Draining(running, grace):
            if not running:
                return "Stopping."
            what = "the running task" if running == 1 else f"the {running:,} running tasks"
            return f"Finishing {what}, in {grace:g} s at most; one more Ctrl-C gives back what runs."
    return ""


def note(happening: Happening) -> None:
    """Tells it beside the output."""
    if text := told(happening):
        sys.stderr.write(f"{text}\n")


def _line(job: Job, word: str, detail: str) -> Text:
    line = Text.assemble(
        (_now(), "dim"), "  ", (short(job.task_id), "dim"), "  ", (f"{word:<10}", _STYLES.get(word, ""))
    )
    line.append(f"  {one_line(job.title)}")
    return line.append(f"  ({detail})", style="dim") if detail else line


def said_line(job: Job, line: str) -> Text:
    """A line that a job has written."""
    return Text.assemble((_now(), "dim"), "  ", (short(job.task_id), "dim"), "  ", f"| {safe(line)}")


def _now() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")


def record(job: Job, outcome: str, seconds: float) -> dict[str, Any]:
    """An end, for programs."""
    return {
        "taskId": job.task_id,
        "queue": job.queue,
        "attempt": job.attempt,
        "outcome": outcome.replace(" ", "_").upper(),
        "seconds": round(seconds, 3),
    }


def details(outcome: Outcome) -> dict[str, Any]:
    """What came out, or what went wrong."""
    match outcome:
        case Completed(result) if result is not None:
            return {"result": to_plain(result)}
        case Failed(error=error):
            return {"error": error}
    return {}
