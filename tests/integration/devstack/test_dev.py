"""`taskbell dev` as a developer uses it: from outside."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack.ports import Ports, variable
from tests.integration.devstack.conftest import gone, runs, until


@dataclass(slots=True)
class Dev:
    """The command at work, and what it has printed."""

    process: asyncio.subprocess.Process
    folder: Path
    ports: Ports
    printed: list[str] = field(default_factory=list)

    async def says(self, pattern: str) -> str:
        """Waits for a line, and gives it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while line := (await self.process.stdout.readline()).decode():
                self.printed.append(line)
                if re.search(pattern, line):
                    return line
        raise AssertionError("it ended without saying so:\n" + "".join(self.printed))

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tells it to stop; the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    def children(self) -> list[int]:
        """What runs from its folder."""
        return [int(note.read_text().split()[0]) for note in (self.folder / "run").iterdir()]

    def child(self, name: str) -> int:
        """One of them."""
        return int((self.folder / "run" / name).read_text().split()[0])


RunDev = Callable[..., AbstractAsyncContextManager[Dev]]


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[RunDev]:
    """Runs it with ports of its own, named by the variables: `async with dev("--tasksvc", "2") as running`."""
    claims = ExitStack()
    ports = Ports.free().settle(claims)

    @asynccontextmanager
    async def start(*flags: str) -> AsyncIterator[Dev]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "dev", *flags),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"TASKBELL_DATA_DIR": str(tmp_path / "data")} | dict(_variables(ports)),
        )
        running = Dev(process, tmp_path / "data", ports)
        try:
            yield running
        finally:
            await running.stop()

    with claims:
        yield start


def _variables(ports: Ports) -> Iterator[tuple[str, str]]:
    for name in ("http", "tasks", "notify", "metrics", "mail", "smtp"):
        yield variable(name), str(getattr(ports, name))


async def serves(port: int) -> bool:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), wait_for_ready=True)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def test_it_serves_on_the_wanted_ports_brings_back_what_dies_and_stops_when_told(dev: RunDev) -> None:
    async with dev("--tasksvc", "2") as running, aiohttp.ClientSession() as http:
        await running.says("Taskbell is up")
        ports = running.ports
        assert await serves(ports.tasks)
        assert await serves(ports.notify)
        for port, path in [
            (ports.http, "/readyz"),
            (ports.mail, "/api/v1/messages"),
            *((ports.metrics + index, "/metrics") for index in range(3)),
        ]:
            async with http.get(f"http://127.0.0.1:{port}{path}") as response:
                assert response.status == 200

        for name in ("tasksvc-1", "nats"):
            os.kill(running.child(name), signal.SIGKILL)
            await running.says(f"{name} died of SIGKILL; it is started again")
            await running.says(f"{name} is back")
        assert await serves(ports.tasks)

        children = running.children()
        assert await running.stop() == 0
        await gone(*children)


async def test_after_a_kill_it_starts_again_on_the_same_ports_and_data(dev: RunDev) -> None:
    async with dev() as running:
        await running.says("Taskbell is up")
        children = running.children()
        running.process.kill()
        await running.process.wait()
    async with dev() as running:
        await running.says("Taskbell is up")
        assert not any(map(runs, children))
        assert await running.stop(signal.SIGINT) == 0


async def test_told_to_stop_while_it_starts_it_does(dev: RunDev) -> None:
    async with dev() as running:
        await until((running.folder / "run" / "postgres").exists)
        assert await running.stop(signal.SIGINT) == 0
        assert not any(map(runs, running.children()))


async def test_what_stands_in_its_way_is_one_clear_line(dev: RunDev, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    async with dev() as running:
        assert await running.says("taskbell dev: The data folder") == (
            f"taskbell dev: The data folder {tmp_path / 'data'} cannot be used: File exists."
            " TASKBELL_DATA_DIR names another.\n"
        )
        assert await running.process.wait() == 1
