"""What is run until something else comes true."""

import asyncio

import pytest

from chassis.race import run_until


class Work:
    """Goes on until it is cut off."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cut_off = False

    async def run(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cut_off = True
            raise


def future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def test_work_is_cut_off_by_the_first_end_that_comes_true():
    work, end = Work(), future()
    running = asyncio.create_task(run_until(work.run(), future(), end))
    await work.begun.wait()
    end.set_result(None)
    await running
    assert work.cut_off
    assert not running.cancelling()


async def test_what_an_end_raises_is_raised():
    work, end = Work(), future()
    running = asyncio.create_task(run_until(work.run(), end))
    await work.begun.wait()
    end.set_exception(ValueError("over"))
    with pytest.raises(ValueError, match="over"):
        await running
    assert work.cut_off


async def test_an_end_that_was_reached_before_is_heeded():
    end = future()
    end.set_result(None)
    await run_until(Work().run(), end)


async def test_work_that_ends_by_itself_is_all_and_what_it_raises_is_raised():
    async def fail() -> None:
        raise ValueError("mine")

    end = future()
    await run_until(asyncio.sleep(0), end)
    with pytest.raises(ValueError, match="mine"):
        await run_until(fail(), end)


async def test_an_end_in_the_moment_in_which_the_work_ends_cuts_off_nothing_else():
    async def last() -> None:
        end.set_result(None)

    end = future()
    await run_until(last(), end)
    for _ in range(3):
        await asyncio.sleep(0)


async def test_whoever_is_cancelled_from_outside_stays_so_also_when_an_end_comes_at_the_same_time():
    for also in (False, True):
        work, end = Work(), future()
        running = asyncio.create_task(run_until(work.run(), end))
        await work.begun.wait()
        if also:
            end.set_result(None)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert work.cut_off


async def test_work_that_fails_while_it_is_cut_off_tells_how():
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while leaving")

    end = future()
    running = asyncio.create_task(run_until(stubborn(), end))
    await asyncio.sleep(0)
    end.set_result(None)
    with pytest.raises(ValueError, match="while leaving"):
        await running
    assert not running.cancelling()
