"""How late the event loop is: the one figure that tells of a process that has more to do than it can."""

import asyncio
from contextlib import suppress
from typing import Final

from prometheus_client import Histogram

_EVERY: Final = 0.25
_DELAY: Final = Histogram(
    "taskbell_event_loop_delay_seconds",
    "How much later than due the event loop got to a timer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


class LoopDelay:
    """A worker: looks at the clock now and then."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Measures until told to stop."""
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            due = loop.time() + _EVERY
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await stopping.wait()
            _DELAY.observe(max(loop.time() - due, 0))
