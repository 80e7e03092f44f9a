"""Workers and replicas are killed all the time, and each job is still done: once, by whoever has it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from taskbell.tasks.v1.tasks_pb2 import BatchCreateTasksRequest, CreateTaskRequest, Task
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from chassis.grpc_client import channel
from devstack.process import Process
from devstack.stack import Stack
from tests.chaos import queue_settings as settings
from tests.chaos.crew import Crew
from tests.chaos.people import Person, join
from tests.conftest import MakeStack

PATIENCE = 120 + settings.JOBS / 20
"""Seconds in which all jobs must be done, whatever happens."""
pytestmark = pytest.mark.timeout(PATIENCE + 300)
FEWEST_KILLS = 5
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Ledger:
    """What PostgreSQL has of it in the end."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    project_id: str

    async def ask(self, name: str) -> list[asyncpg.Record]:
        """The rows of a statement in ledger.sql."""
        statements = Path(__file__).with_name("ledger.sql").read_text("utf-8").split("\n\n")
        (statement,) = (each for each in statements if each.startswith(f"-- {name}\n"))
        return await self.connection.fetch(statement, self.project_id)

    async def left(self) -> int:
        """Jobs that are not done."""
        count: int = await self.connection.fetchval(
            "SELECT count(*) FROM tasks WHERE project_id = $1 AND status <> 3", self.project_id
        )
        return count


@pytest.fixture(scope="module")
async def stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    async with make_stack(replicas={"tasksvc": settings.REPLICAS}) as running:
        yield running


@pytest.fixture(scope="module")
async def person(stack: Stack) -> Person:
    return await join(stack.tasks_address, "chaotic")


@pytest.fixture(scope="module")
async def aftermath(stack: Stack, person: Person) -> AsyncIterator[tuple[Ledger, Crew]]:
    """All jobs are done, while one process after the other was killed."""
    print(f"TASKBELL_CHAOS_SEED={settings.SEED}")  # noqa: T201 - shown where the test fails
    async with AsyncExitStack() as leaving:
        connection = await asyncpg.connect(stack.database_url, server_settings={"search_path": "tasksvc"})
        leaving.push_async_callback(connection.close)
        ledger, crew = Ledger(connection, person.project_id), Crew(stack, person)
        leaving.push_async_callback(crew.leave)
        await _fill(stack, person)
        for _ in range(settings.WORKERS):
            await crew.hire()
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            killing = group.create_task(_kill(stack, crew, random.Random(settings.SEED)))  # noqa: S311 - chance, no secret
            while await ledger.left():  # noqa: ASYNC110 - nobody tells when the last is done
                await asyncio.sleep(0.2)
            killing.cancel()
        yield ledger, crew


async def _fill(stack: Stack, person: Person) -> None:
    async with channel(stack.tasks_address, authorization=f"Bearer {person.token}") as wire:
        for first in range(0, settings.JOBS, BATCH):
            jobs = [_job(number) for number in range(first, min(first + BATCH, settings.JOBS))]
            await TaskServiceStub(wire).BatchCreateTasks(
                BatchCreateTasksRequest(requests=[CreateTaskRequest(task=job) for job in jobs])
            )


def _job(number: int) -> Task:
    job = Task(title=f"square {number}", queue=settings.QUEUE, max_attempts=100)
    job.payload.update({"number": number})
    return job


async def _kill(stack: Stack, crew: Crew, chance: random.Random) -> None:
    """One after the other, whoever it hits; each is replaced."""
    starting: set[int] = set()

    async def again(replica: Process) -> None:
        await replica.start()
        starting.discard(replica.port)

    async with asyncio.TaskGroup() as group:
        while True:
            await asyncio.sleep(settings.EVERY)
            alive = [each for each in stack.running["tasksvc"] if each.port not in starting]
            victims: list[Process | str] = [*alive[1:], *crew.working]
            victim = chance.choice(victims)  # one replica is always there to reconnect to
            if isinstance(victim, str):
                await crew.kill(victim)
                await crew.hire()
            else:
                starting.add(victim.port)
                await victim.kill()
                group.create_task(again(victim))


async def test_each_job_ends_once_and_none_is_stuck(aftermath: tuple[Ledger, Crew]) -> None:
    ledger, crew = aftermath
    assert len(crew.deaths) >= FEWEST_KILLS // 2
    assert await ledger.ask("not_once") == []
    assert await ledger.connection.fetchval("SELECT count(*) FROM jobs") == 0


async def test_each_version_of_a_job_has_its_event(aftermath: tuple[Ledger, Crew]) -> None:
    ledger, _ = aftermath
    assert await ledger.ask("gaps") == []


async def test_no_result_of_a_worker_that_had_lost_its_lease_is_stored(aftermath: tuple[Ledger, Crew]) -> None:
    ledger, _ = aftermath
    assert await ledger.ask("fenced_results") == []


async def test_what_a_dead_worker_had_is_free_again_within_its_lease_and_a_second(
    aftermath: tuple[Ledger, Crew],
) -> None:
    ledger, crew = aftermath
    latest = timedelta(seconds=settings.LEASE + 1)
    takes = [row for row in await ledger.ask("takes") if row["worker"] in crew.deaths]
    assert takes
    late = [row for row in takes if row["ended"] - crew.deaths[row["worker"]] > latest]
    assert late == []
