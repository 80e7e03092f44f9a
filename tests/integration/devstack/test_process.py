"""A child from its start to its end."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.errors import StackError
from devstack.ports import free_port
from devstack.probe import accepts
from devstack.process import Process
from tests.integration.devstack.conftest import runs, state, until

MakeChild = Callable[..., Process]
LISTEN = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('listening', flush=True);"


@pytest.fixture
def child(tmp_path: Path) -> MakeChild:
    """A Python child that listens and then does what is said."""
    for name in ("logs", "run"):
        (tmp_path / name).mkdir()

    def make(then: str, *, first: str = LISTEN, patience: float = 20.0, grace: float = 20.0) -> Process:
        port = free_port()

        async def ready() -> bool:
            return await accepts(port)

        return Process(
            name="child",
            port=port,
            command=[sys.executable, "-c", first.format(port=port) + then],
            environment={},
            folder=tmp_path,
            ready=ready,
            patience=patience,
            grace=grace,
        )

    return make


async def test_it_is_ready_when_start_returns_and_gone_after_stop(child: MakeChild) -> None:
    process = child("time.sleep(60)")
    await process.start()
    assert await accepts(process.port)
    await process.stop()
    assert process.returncode == -signal.SIGTERM
    assert not await accepts(process.port)


async def test_one_that_dies_at_the_start_is_told_with_its_last_words(child: MakeChild) -> None:
    process = child("", first="import sys; print('words of an earlier life')")
    with pytest.raises(StackError):
        await process.start()
    process.command = [sys.executable, "-c", "import sys; sys.exit('the disk is full')"]
    with pytest.raises(
        StackError, match=r"child ended with status 1 while it started(?s:.*)the disk is full"
    ) as refused:
        await process.start()
    assert "earlier life" not in str(refused.value)


async def test_one_that_never_gets_ready_is_killed_and_told(child: MakeChild) -> None:
    process = child("", first="import time; print('thinking', flush=True); time.sleep(60)", patience=0.5)
    with pytest.raises(StackError, match=r"not ready within 0\.5 s"):
        await process.start()
    assert process.returncode == -signal.SIGKILL


async def test_one_that_will_not_stop_is_killed_after_its_grace(child: MakeChild) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + LISTEN
    process = child("time.sleep(60)", first=stubborn, grace=0.2)
    await process.start()
    await process.stop()
    assert process.returncode == -signal.SIGKILL


async def test_a_frozen_one_can_be_thawed_and_stopped(child: MakeChild) -> None:
    process = child("time.sleep(60)")
    await process.start()
    process.freeze()
    await until(lambda: state(process.pid) == "T")
    process.thaw()
    await until(lambda: state(process.pid) == "S")
    process.freeze()
    await process.stop()
    assert process.returncode == -signal.SIGTERM


async def test_a_start_that_is_called_off_leaves_no_child(child: MakeChild) -> None:
    process = child("", first="import time; time.sleep(60)")
    starting = asyncio.create_task(process.start())
    await until(lambda: process.started)
    starting.cancel()
    await asyncio.wait([starting])
    assert not runs(process.pid)
