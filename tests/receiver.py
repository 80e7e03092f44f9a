"""A program elsewhere that webhooks are sent to: a real HTTP server, and what it got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """Answers 200 to whatever comes, unless it is told otherwise."""

    port: int = 0
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    got: list[tuple[web.Request, bytes]] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/1"

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append((request, await request.read()))
        self._came.set()
        return web.Response(text="thank you") if self.answer is None else await self.answer(request)

    def says(self, status: int, text: str = "", **headers: str) -> None:
        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=status, text=text, headers=headers)

        self.answer = answer

    async def requests(self, count: int, within: float = 20.0) -> list[tuple[web.Request, bytes]]:
        """What it got, once that is so many requests."""
        async with asyncio.timeout(within):
            while len(self.got) < count:
                self._came.clear()
                await self._came.wait()
        return self.got


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """One that runs, on this machine."""
    it = Receiver()
    server = web.Server(it.take)  # type: ignore[arg-type]  # what it passes is a BaseRequest, as is said in its docs
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.port = runner.addresses[0][1]
    yield it
    await runner.cleanup()
