"""Several things at once, until the first of them is over."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def run_until(work: Coroutine[Any, Any, object], *ends: asyncio.Future[None]) -> None:
    """Runs it until it ends, or one of the futures comes true, and raises what that raised. Costs one task."""
    task = asyncio.create_task(work)
    waited: tuple[asyncio.Future[Any], ...] = (task, *ends)
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for each in waited:
            if each.done():
                each.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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
