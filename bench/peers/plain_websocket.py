"""A bare aiohttp server whose WebSockets tell each event in a frame of its own, its JSON made once."""

import asyncio

import uvloop
from aiohttp import web
from google.protobuf.json_format import MessageToJson

from bench.sample import sample


class Plain:
    """Everybody who is connected gets everything."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str]] = set()

    async def watch(self, request: web.Request) -> web.WebSocketResponse:
        """One connection."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._queues.add(queue)
        try:
            while True:
                await socket.send_str(await queue.get())
        finally:
            self._queues.discard(queue)

    async def burst(self, request: web.Request) -> web.Response:
        """So many events."""
        for number in range(int(request.query["count"])):
            text = MessageToJson(sample(number), indent=None)
            for queue in self._queues:
                queue.put_nowait(text)
        return web.Response()


async def main() -> None:
    """Prints its port, and serves."""
    plain = Plain()
    app = web.Application()
    app.add_routes([web.get("/v1/events", plain.watch), web.post("/burst", plain.burst)])
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
