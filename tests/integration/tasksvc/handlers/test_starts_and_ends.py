"""Handlers when their process begins and ends."""

import asyncio

import pytest
from taskbell.tasks.v1.tasks_pb2 import Task

from devstack.errors import StackError
from devstack.process import Process
from tests.integration.tasksvc.conftest import StartReplica
from tests.integration.tasksvc.handlers.conftest import PLUGGED, Desk, Gate, Install


@pytest.fixture(scope="module")
async def replica(start_replica: StartReplica) -> Process:
    """One that has no part in it."""
    return await start_replica(handlers="off")


async def test_a_process_that_is_told_to_stop_finishes_what_it_can_and_gives_back_the_rest(
    desk: Desk, gate: Gate, start_replica: StartReplica, installed: None
) -> None:
    leaver = await start_replica(grace="3")
    stuck = await desk.add("wait", {"gate": f"{gate.payload['gate']}-nobody-opens"})
    task = await desk.add("wait", gate.payload)
    await gate.begun()
    await desk.until(stuck, lambda seen: seen.status == Task.IN_PROGRESS)
    leaving = asyncio.create_task(leaver.stop())
    gate.open()
    assert (await desk.ended(task)).status == Task.COMPLETED
    await leaving
    assert leaver.returncode == 0
    back = await desk.get(stuck)
    assert (back.status, back.attempt, back.worker, back.last_error) == (Task.PENDING, 0, "", "")
    assert await desk.history(stuck) == ["task.created", "task.started", "task.released"]
    await desk.cancel(stuck)


async def test_what_waits_is_done_once_a_process_with_handlers_comes(
    desk: Desk, start_replica: StartReplica, installed: None
) -> None:
    task = await desk.add("double", {"number": 4})
    worker = await start_replica()
    done = await desk.ended(task)
    assert (done.result["doubled"], done.result["pid"]) == (8, worker.pid)
    await worker.stop()


async def test_a_handler_that_can_not_be_used_is_named_at_the_start(
    start_replica: StartReplica, install: Install
) -> None:
    install({"double": f"{PLUGGED}:triple"})
    with pytest.raises(StackError, match="can't start") as refused:
        await start_replica()
    assert f"The handler double = {PLUGGED}:triple can't be used: AttributeError" in str(refused.value)
    assert "Traceback" not in str(refused.value)
