"""The system that the acceptance tests look at from outside: one of their own, or one that runs already.

    TASKBELL_TEST_HTTP=http://127.0.0.1:8080 TASKBELL_TEST_TASKS=127.0.0.1:50051 \\
    TASKBELL_TEST_NOTIFY=127.0.0.1:50052 TASKBELL_TEST_MAIL=http://127.0.0.1:8025 pytest tests/acceptance

A system that runs already must not limit rates (TASKBELL_RATE_LIMITS=off).
"""

import os
from dataclasses import dataclass
from typing import Protocol, Self


class System(Protocol):
    """Where its doors are."""

    @property
    def http_url(self) -> str:
        """The gateway."""

    @property
    def tasks_address(self) -> str:
        """tasksvc over gRPC."""

    @property
    def notify_address(self) -> str:
        """notifysvc over gRPC."""

    @property
    def mail_url(self) -> str:
        """What shows the e-mails that were sent, by mailpit's API."""


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """One that somebody else started."""

    http_url: str
    tasks_address: str
    notify_address: str
    mail_url: str

    @classmethod
    def from_environment(cls) -> Self | None:
        """The one that the environment names, if it names one."""
        named = [os.environ.get(f"TASKBELL_TEST_{door}", "") for door in ("HTTP", "TASKS", "NOTIFY", "MAIL")]
        return cls(*named) if all(named) else None
