"""A thousand clients in one process that cost little beside the servers they measure: they count, and read nothing.

`python -m bench.listeners KIND ADDRESS CLIENTS EVENTS [OPENING]`, with what they send first on standard input, in JSON
(streams take turns with a list of it), so many of them at the same time: prints `begun` and `ready`, when all of them
hear, and `done`, when each has heard so many events, each with its moment.
"""

import asyncio
import json
import os
import struct
import sys
import time
from base64 import b64decode
from typing import Any

import grpc.aio
import uvloop

from bench.sample import MARK

CHANNELS = 10
OPENING = 200
"""Streams that begin at the same time, unless it is said otherwise."""
OPENING_SOCKETS = 50
"""And WebSockets: a server's backlog is short."""


class Count:
    """How many clients hear, and how many have heard everything."""

    def __init__(self, clients: int, events: int) -> None:
        self._clients = clients
        self.events = events
        self.ready = 0
        self.done = 0
        self.all_ready, self.all_done = asyncio.Event(), asyncio.Event()

    def hears(self) -> None:
        """One more does."""
        self.ready += 1
        if self.ready == self._clients:
            self.all_ready.set()

    def heard_all(self) -> None:
        """One more has."""
        self.done += 1
        if self.done == self._clients:
            self.all_done.set()


async def streams(address: str, clients: int, count: Count, first: Any, at_once: int) -> None:
    """Streams of gRPC, over a few connections."""
    # Without retries, as between the services: a stream takes less memory.
    options = (
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.enable_retries", 0),
    )
    channels = [grpc.aio.insecure_channel(address, options=options) for _ in range(min(CHANNELS, clients))]

    opening = asyncio.Semaphore(at_once)
    firsts = first if isinstance(first, list) else [first]

    async def listen(number: int) -> None:
        channel = channels[number % len(channels)]
        first = firsts[number % len(firsts)]
        metadata = tuple(first["metadata"].items())
        requests = [b64decode(each) for each in first["requests"]]
        async with opening:
            if requests:
                call: Any = channel.stream_stream(first["method"])(metadata=metadata)
                for request in requests:
                    await call.write(request)
                for _ in range(1 + len(requests)):  # the welcome, and an answer to each
                    await call.read()
            else:
                watch: Any = channel.unary_stream(first["method"])
                call = watch(b"", metadata=metadata)
                await call.initial_metadata()
        count.hears()
        left = count.events
        while left > 0:
            left -= (await call.read()).count(MARK)
        count.heard_all()
        await asyncio.Event().wait()

    await asyncio.gather(*(listen(number) for number in range(clients)))


class Socket(asyncio.Protocol):
    """A WebSocket's client end, as far as it is needed."""

    def __init__(self, count: Count, first: Any) -> None:
        self._count = count
        self._first = first
        self._left = count.events
        self._rest = b""
        self._hears = False

    def connection_made(self, transport: Any) -> None:
        """Says everything at once."""
        headers = {"Host": "bench", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="} | self._first["headers"]
        lines = ["GET /v1/events HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        transport.write("\r\n".join([*lines, "", ""]).encode())
        for text in self._first["frames"]:
            data = text.encode()
            transport.write(struct.pack(">BBH", 0x81, 0x80 | 126, len(data)) + bytes(4) + data)  # masked with nothing

    def data_received(self, data: bytes) -> None:
        """Counts."""
        data = self._rest + data
        if not self._hears and self._first["ready"].encode() in data:
            self._hears = True
            self._count.hears()
        if self._left > 0:
            self._left -= data.count(MARK)
            if self._left <= 0:
                self._count.heard_all()
        # A mark may be cut in two; a whole one must not be counted again.
        self._rest = data[-len(MARK) + 1 :] if not data.endswith(MARK) else b""


async def sockets(address: str, clients: int, count: Count, first: Any, at_once: int) -> None:
    """WebSockets."""
    host, _, port = address.partition(":")
    loop = asyncio.get_running_loop()
    for begun in range(0, clients, at_once):
        calls = (
            loop.create_connection(lambda: Socket(count, first), host, int(port))
            for _ in range(min(at_once, clients - begun))
        )
        await asyncio.gather(*calls)
    await asyncio.Event().wait()


async def main(kind: str, address: str, clients: int, events: int, at_once: int = 0) -> None:
    """Listens until it is killed."""
    first = json.loads(sys.stdin.readline())
    count = Count(clients, events)
    print("begun", time.monotonic(), flush=True)
    if kind == "grpc":
        listening = asyncio.create_task(streams(address, clients, count, first, at_once or OPENING))
    else:
        listening = asyncio.create_task(sockets(address, clients, count, first, at_once or OPENING_SOCKETS))
    for name, moment in (("ready", count.all_ready), ("done", count.all_done)):
        waiting = asyncio.create_task(moment.wait())
        await asyncio.wait((listening, waiting), return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            listening.result()
        print(name, time.monotonic(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.nice(0)
    uvloop.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
