"""PgQueuer: https://pgqueuer.readthedocs.io."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode


@asynccontextmanager
async def installed(url: str) -> AsyncIterator["PgQueuer"]:
    """In an empty database."""
    async with asyncpg.create_pool(url, min_size=2, max_size=10) as pool:
        driver = AsyncpgPoolDriver(pool)
        await Queries(driver).install()
        yield PgQueuer(driver)


class PgQueuer:
    """Workers in this process, as its documentation runs them."""

    def __init__(self, driver: AsyncpgPoolDriver) -> None:
        self._driver = driver
        self._queries = Queries(driver)

    async def enqueue(self, count: int, batch: int) -> float:
        """Seconds for so many jobs, so many a call."""
        started = time.perf_counter()
        for _ in range(count // batch):
            if batch == 1:
                await self._queries.enqueue("job", b"{}")
            else:
                await self._queries.enqueue(["job"] * batch, [b"{}"] * batch, [0] * batch)
        return time.perf_counter() - started

    async def drain(self, batch: int, workers: int) -> float:
        """Seconds until the queue is empty."""
        started = time.perf_counter()
        await asyncio.gather(*(self._work(batch) for _ in range(workers)))
        return time.perf_counter() - started

    async def _work(self, batch: int) -> None:
        manager = QueueManager(self._queries)

        @manager.entrypoint("job")
        async def job(job: Job) -> None:
            """Nothing to do: the queue is what is measured."""

        await manager.run(dequeue_timeout=timedelta(seconds=1), batch_size=batch, mode=QueueExecutionMode.drain)
