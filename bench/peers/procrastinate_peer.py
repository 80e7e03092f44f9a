"""Procrastinate: https://procrastinate.readthedocs.io."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector


@asynccontextmanager
async def installed(url: str) -> AsyncIterator["Procrastinate"]:
    """In an empty database."""
    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="job")
    async def job() -> None:
        """Nothing to do: the queue is what is measured."""

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        yield Procrastinate(app)


class Procrastinate:
    """A worker in this process; it takes one job at a time from the database."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def enqueue(self, count: int, batch: int) -> float:
        """Seconds for so many jobs, so many a call."""
        started = time.perf_counter()
        job = self._app.configure_task("job")
        for _ in range(count // batch):
            if batch == 1:
                await job.defer_async()
            else:
                await job.batch_defer_async(*[{} for _ in range(batch)])
        return time.perf_counter() - started

    async def drain(self, concurrency: int) -> float:
        """Seconds until the queue is empty."""
        started = time.perf_counter()
        await self._app.run_worker_async(wait=False, concurrency=concurrency, install_signal_handlers=False)
        return time.perf_counter() - started
