"""Who is called when something may start: neither nobody nor everybody."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from chassis.jetstream import Bus
from tasksvc.domain.queue import QueueRef
from tasksvc.queue_bell import QueueBell, Waiter

JOBS = QueueRef("home", "jobs")
MAILS = QueueRef("home", "mails")


@pytest.fixture
def bell() -> QueueBell:
    """Of a replica that has no others."""
    return QueueBell(Bus("nats://127.0.0.1:1", replicas=1))


@pytest.fixture
def lines(bell: QueueBell):
    with ExitStack() as leaving:

        def wait_for(*queues: QueueRef) -> Waiter:
            waiter = leaving.enter_context(bell.wait_for(queues))
            waiter.look()
            return waiter

        yield wait_for


async def settled(*tasks: "asyncio.Task[None]") -> list[bool]:
    """Which of them have been called, when all that is to happen by itself has happened."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [task.done() for task in tasks]


def waiting(*waiters: Waiter) -> "list[asyncio.Task[None]]":
    return [asyncio.create_task(waiter.called()) for waiter in waiters]


async def test_a_ring_calls_one_and_each_in_turn(bell: QueueBell, lines) -> None:
    calls = waiting(*(lines(JOBS) for _ in range(3)))
    await settled()
    bell.ring([JOBS])
    assert await settled(*calls) == [True, False, False]
    bell.ring([JOBS])
    assert await settled(*calls) == [True, True, False]


async def test_who_finds_something_calls_two_more(bell: QueueBell, lines) -> None:
    finder, *others = [lines(JOBS) for _ in range(4)]
    calls = waiting(*others)
    await settled()
    finder.found()
    assert await settled(*calls) == [True, True, False]


async def test_a_ring_for_another_queue_calls_nobody(bell: QueueBell, lines) -> None:
    calls = waiting(lines(JOBS), lines(MAILS, JOBS))
    await settled()
    bell.ring([MAILS])
    assert await settled(*calls) == [False, True]


async def test_what_is_rung_while_somebody_looks_is_not_missed(bell: QueueBell, lines) -> None:
    waiter = lines(JOBS)
    bell.ring([JOBS])
    assert await settled(*waiting(waiter)) == [True]
    waiter.look()
    assert await settled(*waiting(waiter)) == [False]


async def test_who_is_called_and_gone_at_the_same_moment_passes_the_call_on(bell: QueueBell, lines) -> None:
    first, second = waiting(lines(JOBS), lines(JOBS))
    await settled()
    bell.ring([JOBS])
    first.cancel()
    assert await settled(second) == [True]


async def test_who_has_gone_is_not_called(bell: QueueBell, lines) -> None:
    first, second = waiting(lines(JOBS), lines(JOBS))
    await settled()
    first.cancel()
    await settled()
    bell.ring([JOBS])
    assert await settled(second) == [True]


async def test_somebody_is_called_when_the_time_has_come(bell: QueueBell, lines) -> None:
    waiter = lines(JOBS)
    waiter.call_at(datetime.now(UTC) + timedelta(seconds=0.05))
    await asyncio.wait_for(waiter.called(), 10)


async def test_a_worker_hears_of_its_task_and_no_more_when_it_let_it_go(bell: QueueBell) -> None:
    class Holder:
        def __init__(self) -> None:
            self.stopped: list[str] = []

        def stop(self, task_id: str) -> None:
            self.stopped.append(task_id)

    before, holder = Holder(), Holder()
    bell.hold("t1", before)
    bell.hold("t1", holder)
    bell.let_go("t1", before)
    bell.stop(["t1", "t2"])
    bell.let_go("t1", holder)
    bell.stop(["t1"])
    assert (before.stopped, holder.stopped) == ([], ["t1"])
