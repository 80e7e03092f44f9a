"""A process that holds the servers of a stack, to be killed: says in a line of JSON where they are."""

import asyncio
import json
import sys
from pathlib import Path

from devstack.errors import StackError
from devstack.stack import SERVERS_ALONE, Stack


async def hold(folder: Path) -> None:
    async with Stack(data_dir=folder, replicas=SERVERS_ALONE) as stack:
        told = {
            "database_url": stack.database_url,
            "redis_url": stack.redis_url,
            "nats_url": stack.nats_url,
            "pids": {process.name: process.pid for process in stack.processes},
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(hold(Path(sys.argv[1])))
    except StackError as error:
        sys.exit(str(error))
