"""Queues of people's personal projects: each test has its own."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.tasks.v1 import tasks_pb2 as tasks

from tests.integration.tasksvc.conftest import Person

PATIENCE = 30.0
_numbers = itertools.count(1)
T = TypeVar("T")


def seconds(count: float) -> Duration:
    span = Duration()
    span.FromTimedelta(timedelta(seconds=count))
    return span


async def eventually(look: Callable[[], Awaitable[T]], enough: Callable[[T], bool]) -> T:
    """What is seen as soon as it is enough: nobody tells of what a process does by itself."""
    async with asyncio.timeout(PATIENCE):
        while not enough(seen := await look()):  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
    return seen


@dataclass(frozen=True, slots=True)
class Bench:
    """One person's way to one queue."""

    person: Person
    queue: str
    project_id: str = ""

    def by(self, person: Person) -> "Bench":
        """The same queue, as somebody else sees it, or the same person on another replica."""
        return Bench(person, self.queue, self.project_id)

    async def add(self, title: str = "job", **fields: Any) -> tasks.Task:
        task = tasks.Task(title=title, queue=self.queue, project_id=self.project_id, **fields)
        return await self.person.api.tasks.CreateTask(tasks.CreateTaskRequest(task=task))

    async def add_many(self, count: int) -> list[tasks.Task]:
        task = tasks.Task(title="job", queue=self.queue, project_id=self.project_id)
        requests = [tasks.CreateTaskRequest(task=task)] * count
        return list(
            (await self.person.api.tasks.BatchCreateTasks(tasks.BatchCreateTasksRequest(requests=requests))).tasks
        )

    async def get(self, task: tasks.Task) -> tasks.Task:
        return await self.person.api.tasks.GetTask(tasks.GetTaskRequest(id=task.id))

    async def cancel(self, task: tasks.Task) -> tasks.Task:
        return await self.person.api.tasks.CancelTask(tasks.CancelTaskRequest(id=task.id))

    def leasing(self, most: int = 1, wait: float = 0, duration: float = 30, **asked: Any) -> Any:
        """The call, which may be cancelled."""
        request = pb.LeaseTasksRequest(
            queue=self.queue,
            project_id=self.project_id,
            max=most,
            wait=seconds(wait),
            lease_duration=seconds(duration),
            **asked,
        )
        return self.person.api.queues.LeaseTasks(request)

    async def lease(self, most: int = 1, wait: float = 0, **asked: Any) -> list[pb.Lease]:
        return list((await self.leasing(most, wait, **asked)).leases)

    async def lease_one(self, **asked: Any) -> pb.Lease:
        (lease,) = await self.lease(**asked)
        return lease

    async def complete(self, lease: pb.Lease, **request: Any) -> tasks.Task:
        return await self.person.api.queues.CompleteLease(pb.CompleteLeaseRequest(lease_id=lease.lease_id, **request))

    async def release(self, lease: pb.Lease, after: float = 0) -> tasks.Task:
        request = pb.ReleaseLeaseRequest(lease_id=lease.lease_id, retry_after=seconds(after) if after else None)
        return await self.person.api.queues.ReleaseLease(request)

    async def set(self, mask: Sequence[str] = (), etag: str = "", **settings: Any) -> pb.Queue:
        queue = pb.Queue(name=self.queue, project_id=self.project_id, etag=etag, **settings)
        request = pb.UpdateQueueRequest(queue=queue, update_mask=FieldMask(paths=mask) if mask else None)
        return await self.person.api.queues.UpdateQueue(request)

    async def pause(self) -> pb.Queue:
        request = pb.PauseQueueRequest(queue=self.queue, project_id=self.project_id)
        return await self.person.api.queues.PauseQueue(request)

    async def resume(self) -> pb.Queue:
        request = pb.ResumeQueueRequest(queue=self.queue, project_id=self.project_id)
        return await self.person.api.queues.ResumeQueue(request)

    async def show(self) -> pb.Queue:
        return await self.person.api.queues.GetQueue(pb.GetQueueRequest(queue=self.queue, project_id=self.project_id))

    async def until(self, enough: Callable[[pb.Queue], bool]) -> pb.Queue:
        return await eventually(self.show, enough)


@dataclass(slots=True)
class Stream:
    """A worker on a Work stream."""

    call: Any
    kept: list[pb.WorkResponse] = field(default_factory=list)

    async def say(self, **message: Any) -> None:
        await self.call.write(pb.WorkRequest(**message))

    async def hear(self, kind: str) -> Any:
        """The next message of this kind. Pings are answered, other messages kept. EOFError at the end of the stream."""
        async with asyncio.timeout(PATIENCE):
            for kept in self.kept:
                if kept.HasField(kind):  # type: ignore[arg-type]  # one of the messages
                    self.kept.remove(kept)
                    return getattr(kept, kind)
            while (message := await self.call.read()) is not grpc.aio.EOF:
                if message.HasField(kind):
                    return getattr(message, kind)
                if message.HasField("ping"):
                    await self.say(pong=pb.WorkPong())
                else:
                    self.kept.append(message)
        raise EOFError

    async def lease_one(self) -> pb.Lease:
        leases: pb.Leases = await self.hear("leases")
        (lease,) = leases.leases
        return lease

    async def answer(self, *answers: pb.Answer, credit: int = 0) -> list[tuple[str, str]]:
        """Says what became of tasks; for each lease why it was refused, or nothing."""
        await self.say(answers=pb.Answers(answers=answers, credit=credit))
        results: list[pb.AnswerResult] = []
        while len(results) < len(answers):
            results += (await self.hear("answered")).results
        return [(result.lease_id, result.reason) for result in results]

    async def complete(self, lease: pb.Lease) -> list[tuple[str, str]]:
        return await self.answer(completion(lease))


def completion(lease: pb.Lease) -> pb.Answer:
    return pb.Answer(complete=pb.CompleteLeaseRequest(lease_id=lease.lease_id))


@asynccontextmanager
async def work(bench: Bench, **hello: Any) -> AsyncIterator[Stream]:
    """A stream, welcomed. Leaving the block cuts it off, as a worker does that dies."""
    stream = Stream(bench.person.api.queues.Work())
    await stream.say(hello=pb.WorkHello(queues=[bench.queue], project_id=bench.project_id, **hello))
    await stream.hear("welcome")
    try:
        yield stream
    finally:
        stream.call.cancel()


@pytest.fixture
def bench(ann: Person) -> Bench:
    """A queue that is not there yet, in ann's personal project."""
    return Bench(ann, f"queue-{next(_numbers)}")
