"""One event to a thousand clients: gRPC streams and WebSockets, beside a bare server of each kind in the same run."""

import asyncio
import json
import sys
import time
import urllib.request
from asyncio.subprocess import PIPE, Process
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio
from taskbell.notifications.v1.notifications_pb2 import ConnectRequest, ConnectResponse, Subscribe

from bench.load import cpu_seconds
from bench.peers import plain_stream
from bench.report import Row
from bench.sample import sample
from bench.stage import Stage
from chassis import jetstream
from chassis.jetstream import STREAM, Bus, task_subject

CLIENTS = 1000
EVENTS = 200
RESUMED = 10_000
PLAIN_SOCKET = {"headers": {}, "frames": [], "ready": "101 Switching"}
CONNECT = "/taskbell.notifications.v1.NotificationService/Connect"
LONGEST = 120.0


class Listeners:
    """A process of clients."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid
        self.opened_in = 0.0
        """Seconds from the first client's beginning until all of them heard."""

    async def reach(self, name: str) -> float:
        """The moment at which all of them are so far."""
        assert self._process.stdout, "it is a pipe"  # noqa: S101
        async with asyncio.timeout(LONGEST):
            word, moment = (await self._process.stdout.readline()).split()
        assert word.decode() == name, word  # noqa: S101
        return float(moment)


@asynccontextmanager
async def spawned(*command: str, first: Any = None) -> AsyncIterator[Process]:
    """A Python module as a process, told its first line."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command, stdin=PIPE, stdout=PIPE)
    try:
        if first is not None:
            assert process.stdin, "it is a pipe"  # noqa: S101
            process.stdin.write(json.dumps(first).encode() + b"\n")
        yield process
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def listening(
    kind: str, address: str, clients: int, events: int, first: Any, *, at_once: int = 0
) -> AsyncIterator[Listeners]:
    """Clients that all hear, of whom so many begin at the same time."""
    counts = map(str, (clients, events, at_once))
    async with spawned("bench.listeners", kind, address, *counts, first=first) as process:
        listeners = Listeners(process)
        begun = await listeners.reach("begun")
        listeners.opened_in = await listeners.reach("ready") - begun
        yield listeners


def grpc_first(project_id: str, token: str, **wanted: Any) -> Any:
    """What our streams begin with."""
    subscribe = ConnectRequest(subscribe=Subscribe(id="s1", project=project_id, **wanted))
    return {
        "method": CONNECT,
        "metadata": {"authorization": f"Bearer {token}"},
        "requests": [b64encode(subscribe.SerializeToString()).decode()],
    }


def socket_first(stage: Stage) -> Any:
    """What our WebSockets begin with."""
    subscribe = {"subscribe": {"id": "s1", "project": stage.project_id}}
    return {
        "headers": {"Authorization": f"Bearer {stage.token}"},
        "frames": [json.dumps(subscribe)],
        "ready": '"subscribed"',
    }


async def publish(bus: Bus, project_id: str, begin: int, count: int) -> None:
    """Puts events on the bus, as fast as it takes them."""

    async def one(number: int) -> None:
        event = sample(number, project_id)
        subject = task_subject(project_id, event.task_id)
        await bus.publish(subject, event.SerializeToString(), event_id=event.event_id, after=0)

    for chunk in range(begin, begin + count, 200):
        await asyncio.gather(*(one(number) for number in range(chunk, min(chunk + 200, begin + count))))


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a burst showed."""

    rate: float  # events a second
    cpu: float  # microseconds of the servers' CPU an event

    @property
    def note(self) -> str:
        """What a busy machine doesn't change."""
        return f"{EVENTS} events to {CLIENTS:,} clients, {self.cpu:.1f} us CPU each"


async def inboxes_settled(bus: Bus) -> None:
    """Returns when the events have had their effect: the same process gives it to them."""
    async with asyncio.timeout(LONGEST):
        while True:
            info = await bus.jetstream.consumer_info(STREAM, "notifysvc")
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.2)


async def measured(
    kind: str, address: str, first: Any, burst: Callable[[], Awaitable[object]], *pids: int
) -> Delivered:
    """A burst to all clients of one kind, served by these processes."""
    async with listening(kind, address, CLIENTS, EVENTS, first) as listeners:
        used, begun = sum(map(cpu_seconds, pids)), time.monotonic()
        await burst()
        seconds = await listeners.reach("done") - begun
        cpu = (sum(map(cpu_seconds, pids)) - used) * 1e6
    return Delivered(CLIENTS * EVENTS / seconds, cpu / CLIENTS / EVENTS)


@asynccontextmanager
async def bare(module: str) -> AsyncIterator[tuple[str, int]]:
    """The address of a bare server, and its process."""
    async with spawned(module) as server:
        assert server.stdout, "it is a pipe"  # noqa: S101
        yield f"127.0.0.1:{int(await server.stdout.readline())}", server.pid


async def plain_streams() -> Delivered:
    """The floor of gRPC."""
    async with bare("bench.peers.plain_stream") as (address, pid), grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(plain_stream.BURST)
        first = {"method": plain_stream.WATCH, "metadata": {}, "requests": []}
        return await measured("grpc", address, first, lambda: call(str(EVENTS).encode()), pid)


async def plain_sockets() -> Delivered:
    """The floor of WebSockets."""
    async with bare("bench.peers.plain_websocket") as (address, pid):
        url = f"http://{address}/burst?count={EVENTS}"

        def burst() -> None:
            with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=LONGEST):  # our own
                pass

        return await measured("socket", address, PLAIN_SOCKET, lambda: asyncio.to_thread(burst), pid)


async def fan_out(stage: Stage) -> list[Row]:
    """A burst of events to all clients of one kind at a time."""
    gateway = stage.stack.http_url.removeprefix("http://")
    numbers = iter(range(1_000_000, 10_000_000, EVENTS))
    async with jetstream.connect(stage.stack.nats_url) as bus:
        await bus.ready()

        async def burst() -> None:
            await publish(bus, stage.project_id, next(numbers), EVENTS)

        stack = stage.stack
        pids = (stack.notifysvc.pid, stack.gatewaysvc.pid)
        ours = await measured("grpc", stack.notify_address, grpc_first(stage.project_id, stage.token), burst, pids[0])
        floor = await plain_streams()
        sockets = await measured("socket", gateway, socket_first(stage), burst, *pids)
        bare = await plain_sockets()
    return [
        Row("fan-out", "gRPC streams of notifysvc", ours.rate, "events/s", ours.rate / floor.rate, 3.0, ours.note),
        Row("fan-out", "bare grpc.aio streams", floor.rate, "events/s", 1.0, note=floor.note),
        Row("fan-out", "WebSockets, 2 services", sockets.rate, "events/s", sockets.rate / bare.rate, 0.8, sockets.note),
        Row("fan-out", "bare aiohttp WebSockets", bare.rate, "events/s", 1.0, note=bare.note),
    ]


async def resume(stage: Stage) -> list[Row]:
    """Who was away gets what was missed."""
    async with jetstream.connect(stage.stack.nats_url) as bus:
        await bus.ready()
        async with grpc.aio.insecure_channel(stage.stack.notify_address) as channel:
            call: Any = channel.stream_stream(CONNECT)(metadata=stage.metadata)
            head = await _head(call)
            call.cancel()
        await publish(bus, stage.project_id, 500_000, RESUMED)
        await inboxes_settled(bus)
    found: list[tuple[float, float]] = []
    for _ in range(3):
        used = cpu_seconds(stage.stack.notifysvc.pid)
        async with spawned(
            "bench.listeners",
            "grpc",
            stage.stack.notify_address,
            "1",
            str(RESUMED),
            first=grpc_first(stage.project_id, stage.token, after=head),
        ) as process:
            listeners = Listeners(process)
            await listeners.reach("begun")
            begun = await listeners.reach("ready")
            rate = RESUMED / (await listeners.reach("done") - begun)
            found.append((rate, (cpu_seconds(stage.stack.notifysvc.pid) - used) / RESUMED * 1e6))
    rate, cpu = max(found)
    note = f"aim >= 20,000; {cpu:.1f} us CPU each"
    return [Row("resume", f"{RESUMED:,} events on one stream", rate, "events/s", note=note)]


async def _head(call: Any) -> str:
    await call.write(ConnectRequest(subscribe=Subscribe(id="s1")).SerializeToString())
    await call.read()
    return ConnectResponse.FromString(await call.read()).subscribed.head
