"""Forgets what nobody can ask for any more."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from chassis.errors import ServiceError
from chassis.jetstream import MAX_AGE
from chassis.postgres import Pool
from notifysvc.statements import SQL

_EVERY: Final = 3600.0
_SEEN_KEPT: Final = 2 * MAX_AGE
"""An event can't come again once the stream has dropped it."""
_MAILS_KEPT: Final = 30 * 24 * 3600.0
_DELIVERIES_KEPT: Final = 30 * 24 * 3600.0
"""Longer than the stream keeps events: one that comes again meets its delivery."""

_log = structlog.get_logger("notifysvc.janitor")


class Janitor:
    """A worker. Replicas do no harm to each other."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self, stopping: asyncio.Event) -> None:
        """Cleans up every hour."""
        while not stopping.is_set():
            try:
                await self._pool.execute(SQL["forget_seen"], _SEEN_KEPT)
                await self._pool.execute(SQL["forget_mails"], _MAILS_KEPT)
                await self._pool.execute(SQL["forget_account_mails"], _MAILS_KEPT)
                await self._pool.execute(SQL["forget_mail_slots"])
                await self._pool.execute(SQL["forget_webhook_deliveries"], _DELIVERIES_KEPT)
                await self._pool.execute(SQL["forget_tickets"])
                await self._pool.execute(SQL["forget_acks"], MAX_AGE)
            except ServiceError as error:
                _log.warning("not cleaned up", error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await stopping.wait()
