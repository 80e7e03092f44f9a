"""A worker that looks at files: adds up their bytes and words, and tells their SHA-256.

    taskbell token create checksums --scope queues:work
    TASKBELL_TOKEN=tb_... python examples/checksums.py
    taskbell add Look at the licence --queue checksums --payload '{"file": "/usr/share/common-licenses/GPL-3"}'

Run as many as you like, on as many machines: each task is done by one of them.
"""

import asyncio
import hashlib
import logging
import os
from pathlib import Path
from typing import Any

from cli.client import Client
from cli.work import GiveUp, Job, Worker

CHUNK = 1024 * 1024


def look_at(job: Job) -> dict[str, Any]:
    """Reads the file of the payload to its end. It isn't `async`, so it runs in a thread of its own."""
    file = Path(str(job.payload.get("file", "")))
    if not file.is_file():
        raise GiveUp(f"there is no file {str(file)!r} on this machine")
    digest, words, read, size = hashlib.sha256(), 0, 0, file.stat().st_size
    with file.open("rb") as stream:
        for line in iter(lambda: stream.readline(CHUNK), b""):
            digest.update(line)
            words += len(line.split())
            read += len(line)
            job.progress(100 * read / max(size, 1), f"{read:,} of {size:,} bytes")
    return {"sha256": digest.hexdigest(), "bytes": read, "words": words}


async def main() -> None:
    """Works until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    address = os.environ.get("TASKBELL_TASKS_ADDRESS", "127.0.0.1:50051")
    async with Client(tasks_address=address, token=os.environ["TASKBELL_TOKEN"]) as client:
        worker = Worker(client, concurrency=4)
        worker.handler("checksums")(look_at)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
