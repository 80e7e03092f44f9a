"""Several things at once, until the first of them is over."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


async def run_until(work: Coroutine[Any, Any, object], *ends: asyncio.Future[None]) -> None:
    """Runs it until it ends, or one of the futures comes true, and raises what that raised.

    As a timeout, for one is small: each stream has one of these.
    """
    until = asyncio.timeout(None)

    def cut_off(_end: object) -> None:
        with suppress(RuntimeError):  # it is over already
            until.reschedule(0)

    try:
        async with until:
            for end in ends:
                end.add_done_callback(cut_off)
            await work
    except TimeoutError:
        if not until.expired():
            raise
    finally:
        for end in ends:
            end.remove_done_callback(cut_off)
    for end in ends:
        if end.done():
            end.result()


async def race(*runners: Coroutine[Any, Any, object]) -> None:
    """Runs them until one ends, and raises what it raised; the others are cancelled, and are over when this returns."""
    tasks = [asyncio.create_task(runner) for runner in runners]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
