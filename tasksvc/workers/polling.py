"""What workers do over and over."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from chassis.errors import ServiceError

_log = structlog.get_logger("tasksvc.workers")


async def poll(step: Callable[[], Awaitable[bool]], every: float, stopping: asyncio.Event) -> None:
    """Takes steps until told to stop: the next one at once while there is more to do, else after so many seconds.

    A step that is begun is finished. One that fails because the database is away, or another change came in between,
    is taken again later.
    """
    while not stopping.is_set():
        try:
            if await step():
                continue
        except ServiceError as error:
            _log.warning("work put off", step=step.__qualname__, error=str(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every)
