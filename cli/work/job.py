"""What a handler gets, and how it may end besides returning."""

import math
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from cli.json_shape import to_plain
from cli.sdk import queues, tasks

LONGEST_MESSAGE: Final = 500
LONGEST_WAIT: Final = 7 * 86_400
"""Seconds that a task can be put off."""


class AttemptFailed(Exception):
    """Raised by a handler: the attempt failed, and this text tells why. Any other error tells where it arose, too."""


class RetryLater(AttemptFailed):
    """The attempt failed, and it is known when the next one makes sense: in `after` seconds."""

    def __init__(self, after: float | timedelta, reason: str = "") -> None:
        self.after = seconds_of(after)
        super().__init__(reason or f"To be tried again in {self.after:g} s.")


class GiveUp(AttemptFailed):
    """No attempt will do better: the task is FAILED, whatever attempts are left."""


class Snooze(Exception):
    """Raised by a handler: not now. The task waits `after` seconds, and this was no attempt."""

    def __init__(self, after: float | timedelta, reason: str = "") -> None:
        self.after = seconds_of(after)
        super().__init__(reason or f"Not now; again in {self.after:g} s.")


class JobCancelled(Exception):
    """Raised by `Job.progress` once the job was cancelled: how a function that runs in a thread gets to know."""


class Job:
    """A task that a handler is to do."""

    def __init__(self, lease: queues.Lease, report: Callable[[int, str], None]) -> None:
        self.lease_id = lease.lease_id
        self.task = lease.task or tasks.Task()
        self.attempt = lease.attempt
        """1 for the first."""
        self.payload: dict[str, Any] = to_plain(self.task.payload) if self.task.payload else {}
        self._report = report
        self._cancelled = threading.Event()

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.task.id

    @property
    def title(self) -> str:
        """The task's title."""
        return self.task.title

    @property
    def queue(self) -> str:
        """The queue it came from."""
        return self.task.queue

    @property
    def max_attempts(self) -> int:
        """How many attempts there are."""
        return self.task.max_attempts

    @property
    def cancelled(self) -> bool:
        """Whether the work is in vain: the task was cancelled or deleted, or the worker gives it back."""
        return self._cancelled.is_set()

    def progress(self, percent: float, message: str = "") -> None:
        """Tells everybody who follows the task how far it is. Call it as often as you like, from any thread."""
        if self.cancelled:
            raise JobCancelled(self.task_id)
        if not math.isfinite(percent):
            raise ValueError(f"{percent} is no percentage")
        self._report(min(max(int(percent), 0), 100), message[:LONGEST_MESSAGE])

    def cancel(self) -> None:
        """Tells the handler, if it looks, that nobody waits for its result any more."""
        self._cancelled.set()


def seconds_of(time: float | timedelta) -> float:
    """How long a task is to wait: 0 to 7 days. Raises ValueError."""
    seconds = time.total_seconds() if isinstance(time, timedelta) else float(time)
    if not 0 <= seconds <= LONGEST_WAIT:
        raise ValueError(f"a task can wait 0 to {LONGEST_WAIT:,} seconds, not {time}")
    return seconds
