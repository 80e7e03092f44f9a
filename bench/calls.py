"""GetTask, cached and not, beside a no-op of the same server; a create with its event beside a bare insert."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

from taskbell.tasks.v1.tasks_pb2 import CreateTaskRequest, GetTaskRequest, Task
from uuid_utils.compat import uuid7

from bench.load import Call, Get, Measured, measure
from bench.report import Row
from bench.stage import Stage
from chassis import postgres
from devstack.ports import HOST, free_port
from devstack.probe import serves_grpc
from devstack.process import Process
from tasksvc.domain import change
from tasksvc.domain import task as domain
from tasksvc.task_store import TaskStore

ROUNDS = 5
WRITERS = 8
TITLE, DESCRIPTION = "Measure me", "a hundred bytes or so " * 5
SECONDS = 3.0
GET_TASK = "/taskbell.tasks.v1.TaskService/GetTask"
CREATE_TASK = "/taskbell.tasks.v1.TaskService/CreateTask"
BARE_INSERT = "INSERT INTO tasksvc.tasks (id, project_id, title, description, creator_id) VALUES ($1, $2, $3, $4, $5)"


async def get_task(stage: Stage) -> list[Row]:
    """Rates of the same request to a no-op, to tasksvc with its cache, and to one whose cache is out of reach."""
    task = await stage.create(Task(title=TITLE, description=DESCRIPTION, labels=["a", "b"]))
    noop = process(stage, "no-op", [sys.executable, "-m", "bench.noop"])
    uncached = process(
        stage, "uncached", [sys.executable, "-m", "tasksvc", "serve"], TASKBELL_REDIS_URL=f"redis://{HOST}:1"
    )
    await asyncio.gather(noop.start(), uncached.start())
    try:
        message = GetTaskRequest(id=task.id).SerializeToString()
        cached = Call("cached", stage.stack.tasks_address, GET_TASK, message, stage.token, (stage.stack.tasksvc.pid,))
        calls = [
            replace(cached, name="no-op", address=noop.address, pids=(noop.pid,)),
            cached,
            replace(cached, name="from PostgreSQL", address=uncached.address, pids=(uncached.pid,)),
        ]
        floor, *others = await rounds(calls)
    finally:
        await asyncio.gather(noop.stop(), uncached.stop())
    rows = [Row("GetTask", "no-op of the same server", floor.rate, "calls/s", note=f"{floor.cpu:.0f} us CPU a call")]
    for name, aim, measured in zip(("cached", "from PostgreSQL"), (0.8, 0.45), others, strict=True):
        ratio = measured.rate / floor.rate
        rows.append(Row("GetTask", name, measured.rate, "calls/s", ratio, aim, f"{measured.cpu:.0f} us CPU a call"))
    return rows


async def rounds(calls: Sequence[Call | Get]) -> list[Measured]:
    """The median of each call's rounds; the calls take turns, so that the machine's moods fall on all of them."""
    seen: dict[str, list[Measured]] = {call.name: [] for call in calls}
    for call in calls:
        await asyncio.to_thread(measure, call, seconds=1)  # warms it up
    for _ in range(ROUNDS):
        for call in calls:
            seen[call.name].append(await asyncio.to_thread(measure, call, seconds=SECONDS))
    return [Measured(median(one.rate for one in each), median(one.cpu for one in each)) for each in seen.values()]


def process(stage: Stage, name: str, command: list[str], **environment: str) -> Process:
    """One more process of this stage's, on a port of its own."""
    port = free_port()
    own = {"TASKBELL_TASKS_PORT": str(port), "TASKBELL_METRICS_PORT": "0", **environment}
    return Process(
        name=name,
        port=port,
        command=command,
        environment={**os.environ, **stage.stack.service_environment(), **own},
        folder=stage.stack.folder,
        ready=lambda: serves_grpc(port, {}),
    )


async def create(stage: Stage) -> list[Row]:
    """A task with its event in one statement, beside an insert of the bare row, over eight connections."""
    async with postgres.connect(stage.stack.database_url, "tasksvc", WRITERS) as pool:
        store = TaskStore()

        async def bare() -> None:
            await pool.execute(BARE_INSERT, uuid7(), stage.project_id, TITLE, DESCRIPTION, stage.user_id)

        async def with_event() -> None:
            task = domain.Task(
                id=str(uuid7()),
                project_id=stage.project_id,
                title=TITLE,
                description=DESCRIPTION,
                creator_id=stage.user_id,
            )
            await store.create(pool, [change.create(task)])

        rates: dict[str, list[float]] = {"bare": [], "with event": []}
        for _ in range(ROUNDS):
            rates["bare"].append(await writes(bare))
            rates["with event"].append(await writes(with_event))
    message = CreateTaskRequest(task=Task(title=TITLE, description=DESCRIPTION)).SerializeToString()
    tasksvc = stage.stack.tasksvc
    [called] = await rounds([Call("CreateTask", tasksvc.address, CREATE_TASK, message, stage.token, (tasksvc.pid,))])
    floor, ours = (median(rate) for rate in rates.values())
    note = f"{called.cpu:.0f} us CPU a call"
    return [
        Row("create", "bare insert", floor, "tasks/s"),
        Row("create", "task and event, one statement", ours, "tasks/s", ours / floor),
        Row("create", "CreateTask over gRPC", called.rate, "calls/s", called.rate / floor, note=note),
    ]


async def writes(write: Callable[[], Awaitable[Any]], seconds: float = SECONDS, writers: int = WRITERS) -> float:
    """How many a second, from several writers at once."""
    until = perf_counter() + seconds

    async def keep_on() -> int:
        done = 0
        while perf_counter() < until:
            await write()
            done += 1
        return done

    return sum(await asyncio.gather(*(keep_on() for _ in range(writers)))) / seconds
