"""What follows the commit of a change of tasks, whoever made it, and comes before its answer."""

from collections.abc import Collection, Sequence

from taskbell.tasks.v1 import tasks_pb2 as pb

from tasksvc.cache import TaskCache
from tasksvc.domain.queue import QueueRef
from tasksvc.outbox_bell import OutboxBell
from tasksvc.partitions import partition_of
from tasksvc.queue_bell import QueueBell


class Announcer:
    """Tells the relay, the workers, and the cache."""

    def __init__(self, cache: TaskCache, outbox_bell: OutboxBell, queue_bell: QueueBell) -> None:
        self._cache = cache
        self._outbox_bell = outbox_bell
        self._queue_bell = queue_bell

    async def announce(self, tasks: Sequence[pb.Task], woken: Collection[QueueRef] = ()) -> None:
        """These versions are committed; from now on no read is older. `woken`: where tasks may start because of it.

        Workers who have one of the tasks hear that they may have to stop.
        """
        self._queue_bell.stop(task.id for task in tasks if task.queue and task.version > 1 and not _runs(task))
        await self.announce_work(tasks, woken)

    async def announce_work(self, tasks: Sequence[pb.Task], woken: Collection[QueueRef] = ()) -> None:
        """The same of what the workers who have the tasks did themselves: nobody else has to stop."""
        self._outbox_bell.ring({partition_of(task.id) for task in tasks})
        self._queue_bell.ring({*woken, *(QueueRef(task.project_id, task.queue) for task in tasks if _waits(task))})
        await self._cache.put(tasks)


def _waits(task: pb.Task) -> bool:
    return bool(task.queue) and task.status == pb.Task.PENDING and not task.HasField("delete_time")


def _runs(task: pb.Task) -> bool:
    return task.status == pb.Task.IN_PROGRESS and not task.HasField("delete_time")
