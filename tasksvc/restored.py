"""After the database was restored from a backup: nobody may go on with what the bus and the cache know beyond it.

The stream is removed. Services that start make it anew and publish its events again from the outbox, as far as that
keeps them; who comes with a cursor of the old stream hears of a gap. The cache begins an epoch that was never used.
"""

import asyncio
from typing import Final

import structlog

from chassis import jetstream, postgres
from chassis.run import CannotStart
from tasksvc.settings import Settings
from tasksvc.statements import SQL

_PATIENCE: Final = 10.0
"""Seconds in which the bus must be found."""
_log = structlog.get_logger("tasksvc.restored")


async def restored(settings: Settings) -> None:
    """Tells bus and cache. For once, while no service runs; a second time does no harm."""
    async with (
        postgres.connect(settings.database_url, "tasksvc", 1) as pool,
        jetstream.connect(settings.nats_url, settings.stream_replicas) as bus,
    ):
        try:
            async with asyncio.timeout(_PATIENCE):
                await bus.ready()
        except TimeoutError:
            raise CannotStart("the event bus can't be reached: its stream must go before services start") from None
        await pool.execute(SQL["begin_cache_anew"])
        await bus.remove()
    _log.info("the stream is removed, the cache begins anew: services may start")
