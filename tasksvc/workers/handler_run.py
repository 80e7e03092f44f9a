"""A handler at work, and what may stop it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from tasksvc.domain.task import Task
from tasksvc.heartbeats import Heartbeats


class Interruption(StrEnum):
    """Why a handler was stopped."""

    LOST = "lost"
    """The task was cancelled, ended or deleted, or the lease ran out: there is nothing to answer."""
    LEAVING = "interrupted"
    """The process ends."""


@dataclass(slots=True, eq=False)
class Run:
    """One task, while its handler has it: as a stream of one lease to the heartbeats, as a holder to the bell."""

    lease_id: str
    task: Task
    duration: float
    """Of its lease, in seconds."""
    heartbeats: Heartbeats
    worker: "asyncio.Task[None] | None" = None
    interruption: Interruption | None = None
    handling: bool = False

    @property
    def held(self) -> Collection[str]:
        """Its lease."""
        return (self.lease_id,)

    def lost(self, _lease_ids: Collection[str]) -> None:
        """The lease holds no more."""
        self.interrupt(Interruption.LOST)

    def stop(self, _task_id: str) -> None:
        """Something happened to the task."""
        self.heartbeats.soon(self)

    def interrupt(self, why: Interruption) -> None:
        """Stops the handler. One that has come to its end is not hindered: an answer too late is refused anyhow."""
        if self.handling and self.interruption is None and self.worker is not None:
            self.interruption = why
            self.worker.cancel()
