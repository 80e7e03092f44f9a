"""Work that must not be left half done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
_log = structlog.get_logger("chassis.finish")


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns. Whoever is cancelled meanwhile leaves when it is over, or at a second cancellation."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("failed after its caller had gone", exc_info=error)
        raise
