"""tasksvc's own workers as they run: beside others, and killed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.tasks.v1 import tasks_pb2 as pb

from tests.integration.tasksvc.conftest import Newcomer, Person, StartReplica

if TYPE_CHECKING:
    import asyncpg

PATIENCE = 60.0
SERIES = 30


async def eventually(look: Callable[[], Awaitable[int]], count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await look() < count:  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.05)


@pytest.fixture
async def eve(newcomer: Newcomer) -> Person:
    return await newcomer()


async def overdue(person: Person, count: int, **fields: str) -> list[str]:
    """Makes so many tasks that were to be done a minute ago."""
    due = Timestamp()
    due.FromDatetime(datetime.now(UTC) - timedelta(minutes=1))
    requests = [
        pb.CreateTaskRequest(task=pb.Task(title=str(number), due_time=due, **fields))  # type: ignore[arg-type]
        for number in range(count)
    ]
    answer = await person.api.tasks.BatchCreateTasks(pb.BatchCreateTasksRequest(requests=requests))
    return [task.id for task in answer.tasks]


async def test_nothing_is_lost_or_doubled_when_one_of_three_is_killed(
    start_replica: StartReplica, eve: Person, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    tasks: list[str] = []

    async def told() -> int:
        return await sql.fetchval(  # type: ignore[no-any-return]
            "SELECT count(DISTINCT task_id) FROM events WHERE type = 'task.overdue' AND task_id = ANY($1::uuid[])",
            tasks,
        )

    async def made() -> int:
        return await sql.fetchval("SELECT count(DISTINCT series_id) FROM tasks WHERE id <> series_id")  # type: ignore[no-any-return]

    victims = await asyncio.gather(start_replica(), start_replica())
    for victim in victims:
        new = await overdue(eve, SERIES, recurrence="FREQ=DAILY")
        tasks += new
        await eventually(told, len(tasks) - SERIES + 1)
        for task in new:
            await eve.api.tasks.CompleteTask(pb.CompleteTaskRequest(id=task))
        await victim.kill()
        await eventually(made, len(tasks))
    followed = await sql.fetch("SELECT series_id FROM tasks WHERE id <> series_id")
    assert sorted(str(row["series_id"]) for row in followed) == sorted(tasks)
    events = await sql.fetch(
        "SELECT task_id, type FROM events WHERE type = 'task.overdue' AND task_id = ANY($1::uuid[])", tasks
    )
    assert len({row["task_id"] for row in events}) == len(events)
