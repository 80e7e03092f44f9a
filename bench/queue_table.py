"""Our queue's store in a database that no service runs on: what is measured is PostgreSQL and the store."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from uuid_utils.compat import uuid7

from chassis import postgres
from chassis.postgres import Pool
from devstack.services import migrate
from devstack.stack import Stack
from tasksvc.domain import change
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Task
from tasksvc.lease_store import Answer, Completed, LeaseStore
from tasksvc.task_store import TaskStore

QUEUE = "jobs"


@asynccontextmanager
async def fresh_database(stack: Stack, name: str) -> AsyncIterator[str]:
    """The address of an empty database on the stack's server, dropped afterwards."""
    async with _admin(stack) as admin:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
    yield urlsplit(stack.database_url)._replace(path=f"/{name}").geturl()
    async with _admin(stack) as admin:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def _admin(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(urlsplit(stack.database_url)._replace(path="/postgres").geturl())
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def queue_table(stack: Stack) -> AsyncIterator["QueueTable"]:
    """An empty queue of a project."""
    async with fresh_database(stack, "bench_queue") as url:
        await migrate("tasksvc", url)
        async with postgres.connect(url, "tasksvc", 10) as pool:
            user, project = str(uuid7()), str(uuid7())
            await pool.execute("INSERT INTO projects (id, title) VALUES ($1, 'bench')", project)
            await pool.execute(
                "INSERT INTO users (id, username, email, password_hash, personal_project_id)"
                " VALUES ($1, 'bench', 'bench@example.com', '', $2)",
                user,
                project,
            )
            await pool.execute("INSERT INTO members (project_id, user_id, role) VALUES ($1, $2, 3)", project, user)
            yield QueueTable(pool, url, user, project)


class QueueTable:
    """Fills and drains."""

    def __init__(self, pool: Pool, url: str, user_id: str, project_id: str) -> None:
        self.pool = pool
        self.url = url
        self._user_id = user_id
        self._project_id = project_id
        self._tasks = TaskStore()
        self._leases = LeaseStore(pool)

    async def enqueue(self, count: int, batch: int, queue: str = QUEUE, **values: Any) -> float:
        """Seconds for so many tasks, so many a statement."""
        started = time.perf_counter()
        for _ in range(count // batch):
            drafts = [
                change.create(
                    Task(
                        id=str(uuid7()),
                        project_id=self._project_id,
                        creator_id=self._user_id,
                        title="job",
                        queue=queue,
                        payload={},
                        **values,
                    )
                )
                for _ in range(batch)
            ]
            await self._tasks.create(self.pool, drafts, [""] * batch)
        return time.perf_counter() - started

    async def drain(self, batch: int, workers: int, queue: str = QUEUE, most: int | None = None) -> tuple[int, float]:
        """How many tasks were claimed and completed, and in how many seconds: all, or about `most`."""
        done = 0

        async def work(name: str) -> None:
            nonlocal done
            while (most is None or done < most) and (
                leases := await self._leases.lease(
                    [QueueRef(self._project_id, queue)], batch, worker=name, duration=30, streamed=False
                )
            ):
                await self._leases.settle(self.pool, [Answer(lease.lease_id, Completed({})) for lease in leases])
                done += len(leases)

        started = time.perf_counter()
        await asyncio.gather(*(work(f"w{number}") for number in range(workers)))
        return done, time.perf_counter() - started

    async def vacuum(self) -> None:
        """As autovacuum would do in time: the cases don't pay for each other."""
        await self.pool.execute("VACUUM ANALYZE")
