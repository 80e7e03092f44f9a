"""The cable between a process and a server, which a test can pull out and plug in again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Cable:
    """Passes bytes on between whoever connects to `port` and the server, while it is plugged in."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._plugged = True
        self._flows = asyncio.Event()
        self._flows.set()
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    def pull(self) -> None:
        """Breaks every connection, and takes no more."""
        self._plugged = False
        for writer in self._open:
            writer.transport.abort()

    def stall(self) -> None:
        """Keeps every connection, and passes nothing on."""
        self._flows.clear()

    def flow(self) -> None:
        """Passes on again."""
        self._flows.set()

    def plug(self) -> None:
        """Takes connections again."""
        self._plugged = True

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._plugged:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:  # the server is away: whoever connects is to see that
            writer.transport.abort()
            return
        ends = {writer, there_writer}
        self._open |= ends
        try:
            await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        finally:
            self._open -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def cable(server_port: int) -> AsyncIterator[Cable]:
    """A cable to the server on this port."""
    between = Cable(server_port)
    server = await asyncio.start_server(between.carry, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        server.close()
        between.flow()
        between.pull()
        await server.wait_closed()
