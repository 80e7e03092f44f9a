"""What workers do over and over."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from chassis.errors import Conflict, Unavailable
from tasksvc.workers.polling import poll

Outcome = bool | Exception


def script(stopping: asyncio.Event, *outcomes: Outcome) -> tuple[Callable[[], Awaitable[bool]], Iterator[Outcome]]:
    """Steps that come out like this, and then it is to stop."""
    left = iter(outcomes)

    async def step() -> bool:
        outcome = next(left)
        if outcome is outcomes[-1]:
            stopping.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return step, left


@pytest.mark.parametrize("trouble", [Unavailable("away"), Conflict("another one")])
async def test_a_step_that_fails_for_now_is_taken_again(trouble: Exception) -> None:
    stopping = asyncio.Event()
    step, left = script(stopping, trouble, True, trouble, False)
    await poll(step, 0.001, stopping)
    assert not list(left)


async def test_while_there_is_more_to_do_nobody_rests() -> None:
    stopping = asyncio.Event()
    step, left = script(stopping, True, True, False)
    await poll(step, 3600, stopping)
    assert not list(left)


async def test_whoever_rests_stops_at_once() -> None:
    stopping = asyncio.Event()
    begun = asyncio.Event()

    async def step() -> bool:
        begun.set()
        return False

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(poll(step, 3600, stopping))
        await begun.wait()
        stopping.set()


async def test_a_mistake_is_not_passed_over() -> None:
    async def step() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await poll(step, 0, asyncio.Event())
