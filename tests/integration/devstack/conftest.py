"""Stacks that are there to be killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(slots=True)
class Holder:
    """A process of its own that holds a stack's servers."""

    process: asyncio.subprocess.Process
    database_url: str
    redis_url: str
    nats_url: str
    pids: dict[str, int]

    async def kill(self) -> None:
        """kill -9: it can't stop anything."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


Hold = Callable[..., AbstractAsyncContextManager[Holder]]


@pytest.fixture
def hold() -> Hold:
    """Starts a holder: `async with hold(folder) as holder`; words may stand before its command."""

    @asynccontextmanager
    async def start(folder: Path, *before: str, **environment: str) -> AsyncIterator[Holder]:
        process = await asyncio.create_subprocess_exec(
            *before,
            *(sys.executable, "-m", "tests.integration.devstack.holder", str(folder)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment,
        )
        try:
            assert process.stdout is not None
            line = await process.stdout.readline()
            assert line, (await process.communicate())[1].decode()
            told: dict[str, Any] = json.loads(line)
            yield Holder(process, **told)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.communicate()

    return start


def runs(pid: int) -> bool:
    """Whether the process is there, and more than an entry that nobody has collected."""
    try:
        return state(pid) not in "ZX"
    except OSError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another process does."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it has no event for us
            await asyncio.sleep(0.005)


async def gone(*pids: int) -> None:
    """Waits until none of them runs."""
    await until(lambda: not any(map(runs, pids)))


def state(pid: int) -> str:
    """The kernel's letter for what the process does: S sleeps, T is stopped, Z waits to be collected."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
