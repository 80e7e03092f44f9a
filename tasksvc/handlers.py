"""What a package needs that brings handlers: Python functions that tasksvc runs itself, for the tasks of a queue.

A handler is an async function, registered as an entry point of the group `taskbell.handlers`. Its name is that of the
queue whose tasks it does, in every project:

    [project.entry-points."taskbell.handlers"]
    thumbnails = "my_package.thumbnails:make"

This module stands alone: it imports nothing of the service.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

ENTRY_POINTS: Final = "taskbell.handlers"
_LONGEST_MESSAGE: Final = 500
_DONE: Final = 100
_LONGEST_PAUSE: Final = 7 * 86400


async def _nobody(_percent: int, _message: str) -> None:
    """Hears of a job that nobody follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt at a task. In a test of a handler: `Job(task_id="1", payload={"size": 64})`."""

    task_id: str
    payload: Mapping[str, Any]
    project_id: str = ""
    queue: str = ""
    title: str = ""
    attempt: int = 1
    """1 for the first."""
    max_attempts: int = 1
    report: Callable[[int, str], Awaitable[None]] = _nobody
    """Where `progress` goes."""

    async def progress(self, percent: int, message: str = "") -> None:
        """Says how far the task is: 0 to 100, and what is being done. Everybody who follows the task sees it."""
        if not 0 <= percent <= _DONE:
            raise ValueError(f"percent is {percent!r}: must be 0 to {_DONE}")
        await self.report(int(percent), message[:_LONGEST_MESSAGE])


Handler: TypeAlias = Callable[[Job], Awaitable[Mapping[str, Any] | None]]
"""Does a task. What it returns is the task's result, an object that JSON can say, or nothing.

What it raises fails the attempt, and another one follows while any are left. It is cancelled when its task is, and
when it takes too long to finish once the service stops: then the task waits again, as if there had been no attempt. It
runs in the service's event loop, so what blocks belongs into `asyncio.to_thread`.
"""


class AttemptFailed(Exception):
    """The attempt failed; the text says why, as the task's last_error. The next one comes after the queue's backoff."""


class RetryLater(AttemptFailed):
    """The attempt failed, and it is known when the next one makes sense: in `after` seconds, up to 7 days."""

    def __init__(self, after: float, reason: str = "") -> None:
        if not 0 <= after <= _LONGEST_PAUSE:
            raise ValueError(f"after is {after!r}: must be 0 to {_LONGEST_PAUSE} seconds")
        super().__init__(reason or f"To be tried again in {after:g} s.")
        self.after = after


class GiveUp(AttemptFailed):
    """The task can't be done, however often it is tried: it is FAILED at once."""
