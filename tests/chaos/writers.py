"""People who change tasks, whatever happens to the servers: each change is asked for until it is answered."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.tasks.v1 import tasks_pb2 as pb
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from chassis.errors import ServiceError
from chassis.grpc_client import channel
from tests.chaos import delivery_settings as settings

if TYPE_CHECKING:
    from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceAsyncStub

_PASSING: Final = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
_PATIENCE: Final = 3.0
"""Seconds until a call is made again, perhaps to another replica."""


@dataclass(slots=True)
class Writers:
    """Several at a time, two at each task."""

    address: str
    token: str
    project_id: str
    assignee_id: str
    answered: Counter[str] = field(default_factory=Counter)
    """How many changes of each task were answered."""
    repeats: int = 0

    async def work(self) -> None:
        """Changes all tasks, as long as it takes."""
        async with channel(self.address, authorization=f"Bearer {self.token}") as wire:
            stub, numbers = TaskServiceStub(wire), iter(range(settings.TASKS))
            async with asyncio.TaskGroup() as group:
                for _ in range(settings.WRITERS):
                    group.create_task(self._write(stub, numbers))

    async def _write(self, stub: "TaskServiceAsyncStub", numbers: Iterator[int]) -> None:
        for number in numbers:
            task = pb.Task(title=f"task {number}", project_id=self.project_id, assignee_id=self.assignee_id)
            created = await self._ask(stub.CreateTask, pb.CreateTaskRequest(task=task))
            titles = itertools.islice(itertools.count(1), settings.CHANGES - 2)
            await asyncio.gather(*(self._rename(stub, created.id, titles) for _ in range(2)))
            await self._ask(stub.CompleteTask, pb.CompleteTaskRequest(id=created.id))

    async def _rename(self, stub: "TaskServiceAsyncStub", task_id: str, titles: Iterator[int]) -> None:
        for title in titles:
            task = pb.Task(id=task_id, title=f"title {title}")
            await self._ask(stub.UpdateTask, pb.UpdateTaskRequest(task=task, update_mask=FieldMask(paths=["title"])))

    async def _ask(self, method: Callable[..., Awaitable[pb.Task]], request: Any) -> pb.Task:
        """Makes one change, as one request, until it is answered."""
        request.request_id = str(uuid4())
        await asyncio.sleep(settings.SECONDS * settings.WRITERS / settings.TASKS / settings.CHANGES)
        while True:
            try:
                task = await method(request, timeout=_PATIENCE)
            except ServiceError as error:
                if error.code not in _PASSING:
                    raise
                self.repeats += 1
                await asyncio.sleep(0.1)
            else:
                self.answered[task.id] += 1
                return task
