"""A worker that takes its time, as a program of its own, to be killed: python -m tests.chaos.queue_worker ..."""

import asyncio
import sys
from datetime import timedelta
from typing import Any

from cli.client import Client
from cli.work import Job, Worker
from tests.chaos.queue_settings import CONCURRENCY, LEASE, QUEUE, WORK


async def main(address: str, token: str, project: str, name: str) -> None:
    """Works until it is killed."""
    async with Client(tasks_address=address, token=token) as client:
        worker = Worker(client, project=project, name=name, concurrency=CONCURRENCY, lease=timedelta(seconds=LEASE))

        @worker.handler(QUEUE)
        async def square(job: Job) -> dict[str, Any]:
            await asyncio.sleep(WORK)
            return {"square": job.payload["number"] ** 2, "worker": name, "attempt": job.attempt}

        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
