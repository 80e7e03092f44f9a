"""tasksvc's own workers when their database goes away for a while."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tasksvc.domain.task import Task
from tests.integration.tasksvc.faults.cable import cable
from tests.integration.tasksvc.workers.crew import Crew, hand

PATIENCE = 60.0


async def told(crew: Crew, task: Task) -> None:
    """Returns when the worker has told that the task is overdue."""
    async with asyncio.timeout(PATIENCE):
        while await crew.told(task) != ["overdue"]:  # noqa: ASYNC110 - it tells nobody else
            await asyncio.sleep(0.05)


async def followed(crew: Crew, task: Task) -> None:
    """Returns when the next task of the series is there."""
    async with asyncio.timeout(PATIENCE):
        while len(await crew.series(task)) != 2:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)


async def test_they_go_on_when_it_is_back(crew: Crew, database: str, redis_url: str, nats_url: str) -> None:
    where = crew.first.replica
    parts = urlsplit(database)
    async with cable(parts.port or 0) as line:
        through = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{line.port}")).geturl()
        async with hand(through, redis_url, nats_url, where.project_id, where.user_id) as far:
            stopping = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for worker in (far.reaper, far.deadlines, far.recurrences, far.retention, far.purge):
                    group.create_task(worker.run(stopping))
                for _ in range(2):
                    line.pull()
                    late = await crew.add(due_time=datetime.now(UTC) - timedelta(minutes=1), title="late")
                    done = await crew.add(recurrence="FREQ=DAILY")
                    await crew.end(done)
                    line.plug()

                    await told(crew, late)
                    await followed(crew, done)
                stopping.set()
