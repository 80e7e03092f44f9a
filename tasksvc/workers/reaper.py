"""Takes back the tasks whose workers were not heard of in time: others get them, or they have FAILED."""

import asyncio
from typing import Final

from prometheus_client import Counter

from tasksvc.announcer import Announcer
from tasksvc.domain.task import Status, Task
from tasksvc.lease_store import LeaseStore
from tasksvc.task_to_pb import task_to_pb
from tasksvc.workers.polling import poll

EVERY: Final = 0.4
"""Seconds: a lease that ran out is taken back within one."""
_MOST: Final = 200
_EXPIRED: Final = Counter("taskbell_leases_expired", "Leases that ran out, by what became of the task.", ["outcome"])
_RETRIED, _FAILED = map(_EXPIRED.labels, ("retried", "failed"))


class Reaper:
    """A worker. Replicas share the work: what one is at, the others pass over, or find done."""

    def __init__(self, leases: LeaseStore, announcer: Announcer) -> None:
        self._leases = leases
        self._announcer = announcer

    async def run(self, stopping: asyncio.Event) -> None:
        """Takes back until told to stop."""
        await poll(self._take_back, EVERY, stopping)

    async def _take_back(self) -> bool:
        settled = await self._leases.expire(_MOST)
        tasks = [task for task in settled.tasks if isinstance(task, Task)]
        if not tasks:
            return False
        failed = sum(task.status is Status.FAILED for task in tasks)
        _FAILED.inc(failed)
        _RETRIED.inc(len(tasks) - failed)
        await self._announcer.announce([task_to_pb(task) for task in tasks], settled.woken)
        return True
