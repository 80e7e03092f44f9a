"""A bare aiohttp server that makes the gateway's gRPC call and passes the bytes on: what a hop costs without JSON.

`python -m bench.peers.plain_hop PORT TASKS_ADDRESS TASK_ID`: every path is a GetTask of this task.
"""

import asyncio
import sys
from typing import Any

import grpc.aio
import uvloop
from aiohttp import web
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest


async def main(port: int, address: str, task_id: str) -> None:
    """Serves."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary("/taskbell.tasks.v1.TaskService/GetTask")
        asked = GetTaskRequest(id=task_id).SerializeToString()

        async def answer(request: web.BaseRequest) -> web.Response:
            if request.path == "/healthz":
                return web.Response()
            metadata = (("authorization", request.headers["Authorization"]),)
            return web.Response(body=await call(asked, metadata=metadata, timeout=10))

        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
