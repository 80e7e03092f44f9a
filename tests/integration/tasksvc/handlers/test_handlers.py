"""What handlers of an installed package may rely on, and those who give them work."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from taskbell.tasks.v1.tasks_pb2 import Task

from devstack.process import Process
from tests.integration.tasksvc.conftest import StartReplica
from tests.integration.tasksvc.handlers.conftest import Desk, Gate


@pytest.fixture(scope="module")
async def replica(start_replica: StartReplica, installed: None) -> Process:
    """A tasksvc that does one thing after the other."""
    return await start_replica(handler_concurrency="1")


async def test_a_handler_does_the_tasks_of_its_queue_in_every_project(desk: Desk) -> None:
    for where in (desk, await desk.elsewhere()):
        task = await where.add("double", {"number": 21})
        done = await where.ended(task)
        assert (done.status, done.result["doubled"], done.result["attempt"]) == (Task.COMPLETED, 42, 1)
        assert (done.progress.percent, done.progress.message) == (50, "half of it")
        assert await where.history(task) == ["task.created", "task.started", "task.progressed", "task.completed"]


async def test_a_task_shows_which_process_does_it(desk: Desk, gate: Gate, replica: Process) -> None:
    task = await desk.add("wait", gate.payload)
    await gate.begun()
    running = await desk.get(task)
    assert running.status == Task.IN_PROGRESS
    assert running.worker.startswith("tasksvc@")
    assert running.worker.endswith(f"/{replica.pid}")
    gate.open()
    assert (await desk.ended(task)).status == Task.COMPLETED


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("error", "ValueError: no luck"),
        ("exit", "SystemExit: the end"),
        ("cancelled", "The handler was cancelled, by nobody else than itself."),
        ("number", "The handler's result, 5, is no object that JSON can say"),
        ("object", "is no object that JSON can say"),
        ("surrogate", "is no object that JSON can say"),
        ("large", "The handler's result can't be kept: result: '300011 bytes of JSON' must be at most 262144 bytes"),
    ],
)
async def test_whatever_a_handler_raises_fails_the_attempt_and_nothing_else(desk: Desk, how: str, error: str) -> None:
    task = await desk.add("stumble", {"how": how})
    failed = await desk.until(task, lambda seen: seen.last_error != "")
    assert error in failed.last_error
    assert failed.status == Task.PENDING
    assert timedelta(0) < failed.schedule_time.ToDatetime(UTC) - datetime.now(UTC) < timedelta(seconds=6)
    assert (await desk.ended(await desk.add("double", {"number": 1}))).status == Task.COMPLETED


async def test_the_last_attempt_ends_the_task(desk: Desk) -> None:
    failed = await desk.ended(await desk.add("stumble", {"how": "error"}, max_attempts=1))
    assert (failed.status, failed.last_error) == (Task.FAILED, "ValueError: no luck")


async def test_a_handler_says_when_to_try_again(desk: Desk) -> None:
    task = await desk.add("stumble", {"how": "later"})
    failed = await desk.until(task, lambda seen: seen.last_error == "come again")
    assert failed.status == Task.PENDING
    wait = failed.schedule_time.ToDatetime(UTC) - failed.update_time.ToDatetime(UTC)
    assert wait == timedelta(seconds=600)


async def test_a_handler_gives_up(desk: Desk) -> None:
    failed = await desk.ended(await desk.add("stumble", {"how": "never"}))
    assert (failed.status, failed.last_error, failed.attempt) == (Task.FAILED, "out of stock", 1)


async def test_a_handler_stops_when_its_task_is_cancelled(desk: Desk, gate: Gate) -> None:
    task = await desk.add("wait", gate.payload)
    await gate.begun()
    await desk.cancel(task)
    await gate.stopped()
    assert (await desk.get(task)).status == Task.CANCELLED
    assert (await desk.ended(await desk.add("double", {"number": 1}))).status == Task.COMPLETED


async def test_a_project_with_much_to_do_does_not_keep_others_waiting(desk: Desk, gate: Gate) -> None:
    other = await desk.elsewhere()
    first = await desk.add("wait", gate.payload)
    await gate.begun()  # one at a time is done here
    many = [await desk.add("wait", gate.payload) for _ in range(5)]
    few = [await other.add("wait", gate.payload) for _ in range(2)]
    gate.open()
    ended = await asyncio.gather(desk.ended(first), *map(desk.ended, many), *map(other.ended, few))
    order = sorted(ended[1:], key=lambda task: task.start_time.ToNanoseconds())
    assert [task.project_id == other.project_id for task in order[:4]] in (
        [True, False, True, False],
        [False, True, False, True],
    )


async def test_a_task_that_is_scheduled_is_done_when_its_time_has_come(desk: Desk) -> None:
    time = datetime.now(UTC) + timedelta(seconds=1)
    done = await desk.ended(await desk.add("double", {"number": 1}, schedule_time=time))
    assert done.start_time.ToDatetime(UTC) >= time


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"url": "http://localhost/"}, "localhost can't be called: the address is not one of the public internet"),
        ({"body": 1}, "is missing: must be an http or https address"),
    ],
)
async def test_a_webhook_that_can_not_or_must_not_be_sent_is_given_up(
    desk: Desk, payload: dict[str, Any], error: str
) -> None:
    failed = await desk.ended(await desk.add("webhook", payload))
    assert (failed.status, failed.attempt, failed.last_error) == (Task.FAILED, 1, f"payload.url: {error}")
