"""People who change tasks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import ServiceError
from tests.integration.tasksvc.conftest import Person


async def write(person: Person, changes: int = 5) -> None:
    """A task, and changes of it."""
    task = await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title="0")))
    for number in range(1, changes):
        await rename(person, task.id, str(number))


async def rename(person: Person, task_id: str, title: str) -> pb.Task:
    request = pb.UpdateTaskRequest(task=pb.Task(id=task_id, title=title), update_mask=FieldMask(paths=["title"]))
    return await person.api.tasks.UpdateTask(request)


@asynccontextmanager
async def writing(*people: Person) -> AsyncIterator[None]:
    """Changes of a few tasks all the time, each through all of these; what fails is tried by the next."""
    over = False
    tasks = [await people[0].api.tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title="0"))) for _ in range(6)]

    async def work(task: pb.Task) -> None:
        for number, person in enumerate(cycle(people)):
            if over:
                return
            try:
                await rename(person, task.id, str(number))
            except ServiceError:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(work(task))
        try:
            yield
        finally:
            over = True
