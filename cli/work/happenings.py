"""What a worker tells whoever looks on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cli.work.job import Job
from cli.work.outcome import Completed, Failed, Outcome, Released


@dataclass(frozen=True, slots=True)
class Connected:
    """It gets tasks from now on."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone; another is tried after a wait. What runs goes on."""

    reason: str
    wait: float


@dataclass(frozen=True, slots=True)
class Started:
    """A job has begun."""

    job: Job


@dataclass(frozen=True, slots=True)
class Progressed:
    """A job has said how far it is."""

    job: Job
    percent: int
    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A job has ended, and the server is told so."""

    job: Job
    outcome: Outcome
    seconds: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """A job was taken from the worker: the task was cancelled, ended or deleted by somebody, or its lease ran out."""

    job: Job
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer was not stored."""

    lease_id: str
    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class Draining:
    """No more tasks are taken; so many are still run, for so many seconds at most."""

    running: int
    grace: float


Happening = Connected | Lost | Started | Progressed | Ended | Stopped | Refused | Draining
Listener = Callable[[Happening], None]

_log: Final = logging.getLogger("taskbell.worker")


def log(happening: Happening) -> None:
    """Writes it to the log `taskbell.worker`."""
    match happening:
        case Connected():
            _log.info("connected")
        case Lost(reason, wait):
            _log.warning("connection lost (%s); again in %.1f s", reason, wait)
        case Started(job):
            _log.info("started %s, attempt %d: %s", job.task_id, job.attempt, job.title)
        case Progressed(job, percent, message):
            _log.debug("%s: %d %% %s", job.task_id, percent, message)
        case Ended(job, outcome, seconds):
            _log_end(job, outcome, seconds)
        case Stopped(job, _):
            _log.info("stopped %s: it was cancelled, or is somebody else's", job.task_id)
        case Refused(lease_id, reason, error):
            _log.warning("the answer to lease %s was not stored: %s (%s)", lease_id, error, reason)
        case Draining(running, grace):
            _log.info("draining: %d run, for %.0f s at most", running, grace)


def _log_end(job: Job, outcome: Outcome, seconds: float) -> None:
    match outcome:
        case Completed():
            _log.info("completed %s in %.2f s", job.task_id, seconds)
        case Failed(error, retryable, _):
            _log.warning("%s %s after %.2f s: %s", "failed" if retryable else "gave up", job.task_id, seconds, error)
        case Released(after):
            _log.info("gave back %s, for %.0f s", job.task_id, after)
