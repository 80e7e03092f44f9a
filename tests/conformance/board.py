"""A project as its people and workers use it; each call goes to the next replica."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub
from taskbell.tasks.v1 import tasks_pb2 as tasks
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

if TYPE_CHECKING:
    from taskbell.queues.v1.queues_pb2_grpc import QueueServiceAsyncStub
    from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceAsyncStub

QUEUE = "jobs"
PATIENCE = 60.0
T = TypeVar("T")


def seconds(count: float) -> Duration:
    span = Duration()
    span.FromTimedelta(timedelta(seconds=count))
    return span


def moment(from_now: float) -> Timestamp:
    """So many seconds from now."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(seconds=from_now))
    return stamp


async def eventually(look: Callable[[], Awaitable[T]], enough: Callable[[T], bool]) -> T:
    """What is seen as soon as it is enough: what the services do by themselves is waited for."""
    async with asyncio.timeout(PATIENCE):
        while not enough(seen := await look()):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.05)
    return seen


@dataclass(frozen=True, slots=True)
class Board:
    """One project, seen by its owner."""

    username: str
    project_id: str
    wires: Sequence[grpc.aio.Channel]
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def people(self) -> "TaskServiceAsyncStub":
        """TaskService of the next replica."""
        return TaskServiceStub(self.wires[next(self._turn) % len(self.wires)])

    @property
    def queues(self) -> "QueueServiceAsyncStub":
        """QueueService of the next replica."""
        return QueueServiceStub(self.wires[next(self._turn) % len(self.wires)])

    # --- what people do ---

    def task(self, title: str = "job", **fields: Any) -> tasks.Task:
        """A task for workers, unless `queue` is said to be empty."""
        return tasks.Task(**{"title": title, "project_id": self.project_id, "queue": QUEUE, **fields})

    async def add(self, title: str = "job", **fields: Any) -> tasks.Task:
        return await self.people.CreateTask(tasks.CreateTaskRequest(task=self.task(title, **fields)))

    async def add_all(self, *wanted: tasks.Task) -> list[tasks.Task]:
        """All or none."""
        requests = [tasks.CreateTaskRequest(task=each) for each in wanted]
        return list((await self.people.BatchCreateTasks(tasks.BatchCreateTasksRequest(requests=requests))).tasks)

    async def get(self, task: tasks.Task) -> tasks.Task:
        return await self.people.GetTask(tasks.GetTaskRequest(id=task.id))

    async def update(self, task: tasks.Task, **fields: Any) -> tasks.Task:
        """Sets the fields; None clears."""
        given = {name: value for name, value in fields.items() if value is not None}
        request = tasks.UpdateTaskRequest(
            task=tasks.Task(id=task.id, **given), update_mask=FieldMask(paths=list(fields))
        )
        return await self.people.UpdateTask(request)

    async def start(self, task: tasks.Task) -> tasks.Task:
        return await self.people.StartTask(tasks.StartTaskRequest(id=task.id))

    async def finish(self, task: tasks.Task) -> tasks.Task:
        return await self.people.CompleteTask(tasks.CompleteTaskRequest(id=task.id))

    async def cancel(self, task: tasks.Task) -> tasks.Task:
        return await self.people.CancelTask(tasks.CancelTaskRequest(id=task.id))

    async def reopen(self, task: tasks.Task) -> tasks.Task:
        return await self.people.ReopenTask(tasks.ReopenTaskRequest(id=task.id))

    async def delete(self, task: tasks.Task) -> tasks.Task:
        return await self.people.DeleteTask(tasks.DeleteTaskRequest(id=task.id))

    async def restore(self, task: tasks.Task) -> tasks.Task:
        return await self.people.RestoreTask(tasks.RestoreTaskRequest(id=task.id))

    async def history(self, task: tasks.Task) -> list[str]:
        """The types of its events, oldest first."""
        answer = await self.people.ListTaskHistory(tasks.ListTaskHistoryRequest(id=task.id))
        return [change.type for change in reversed(answer.history)]

    async def listed(self, **fields: Any) -> list[tasks.Task]:
        """The project's tasks, oldest first."""
        request = tasks.ListTasksRequest(project_id=self.project_id, order_by="create_time", page_size=1000, **fields)
        return list((await self.people.ListTasks(request)).tasks)

    # --- what workers do ---

    async def lease(
        self, most: int = 1, *more: str, queue: str = QUEUE, wait: float = 0, duration: float = 30, worker: str = "w"
    ) -> list[pb.Lease]:
        request = pb.LeaseTasksRequest(
            queue=queue,
            more_queues=more,
            project_id=self.project_id,
            max=most,
            lease_duration=seconds(duration),
            wait=seconds(wait),
            worker=worker,
        )
        return list((await self.queues.LeaseTasks(request, timeout=wait + 20)).leases)

    async def lease_one(self, **asked: Any) -> pb.Lease:
        """The one lease that there is."""
        (lease,) = await self.lease(1, **asked)
        return lease

    async def titles(self, most: int = 1000, **asked: Any) -> list[str]:
        """What is leased now, in this order."""
        return [lease.task.title for lease in await self.lease(most, **asked)]

    async def complete(self, lease: pb.Lease, **result: Any) -> tasks.Task:
        request = pb.CompleteLeaseRequest(lease_id=lease.lease_id)
        if result:
            request.result.update(result)
        return await self.queues.CompleteLease(request)

    async def fail(self, lease: pb.Lease, error: str = "boom", **how: Any) -> tasks.Task:
        """`retry_after` in seconds."""
        if "retry_after" in how:
            how["retry_after"] = seconds(how["retry_after"])
        return await self.queues.FailLease(pb.FailLeaseRequest(lease_id=lease.lease_id, error=error, **how))

    async def release(self, lease: pb.Lease, retry_after: float | None = None) -> tasks.Task:
        after = None if retry_after is None else seconds(retry_after)
        return await self.queues.ReleaseLease(pb.ReleaseLeaseRequest(lease_id=lease.lease_id, retry_after=after))

    async def extend(self, lease: pb.Lease, duration: float) -> tasks.Task:
        return await self.queues.ExtendLease(
            pb.ExtendLeaseRequest(lease_id=lease.lease_id, lease_duration=seconds(duration))
        )

    async def progress(self, lease: pb.Lease, percent: int, message: str = "") -> tasks.Task:
        return await self.queues.ReportProgress(
            pb.ReportProgressRequest(lease_id=lease.lease_id, percent=percent, message=message)
        )

    # --- what operators do ---

    async def queue(self, name: str = QUEUE) -> pb.Queue:
        return await self.queues.GetQueue(pb.GetQueueRequest(queue=name, project_id=self.project_id))

    async def set(self, name: str = QUEUE, **settings: Any) -> pb.Queue:
        """Changes the queue's settings."""
        queue = pb.Queue(name=name, project_id=self.project_id, **settings)
        return await self.queues.UpdateQueue(
            pb.UpdateQueueRequest(queue=queue, update_mask=FieldMask(paths=list(settings)))
        )

    async def pause(self, name: str = QUEUE) -> pb.Queue:
        return await self.queues.PauseQueue(pb.PauseQueueRequest(queue=name, project_id=self.project_id))

    async def resume(self, name: str = QUEUE) -> pb.Queue:
        return await self.queues.ResumeQueue(pb.ResumeQueueRequest(queue=name, project_id=self.project_id))
