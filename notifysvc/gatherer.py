"""Makes digests: when it is time, what waits for a person's digest becomes one mail.

Which events it tells of is settled in the transaction that makes it. The mail is then sent like any other, with the
same Message-ID however often that is tried; so each event is in one digest, whoever dies when.
"""

import asyncio
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from chassis.errors import ServiceError
from chassis.postgres import Pool
from notifysvc.mailer import Mailer
from notifysvc.statements import SQL

_EVERY: Final = 1.0
_PEOPLE: Final = 100
_EVENTS: Final = 500
"""In one digest; what is more comes in another one."""

_log = structlog.get_logger("notifysvc.gatherer")


class Gatherer:
    """A worker. Replicas share the work."""

    def __init__(self, pool: Pool, mailer: Mailer) -> None:
        self._pool = pool
        self._mailer = mailer

    async def run(self, stopping: asyncio.Event) -> None:
        """Looks every second whose time it is."""
        while not stopping.is_set():
            try:
                if await self.gather():
                    self._mailer.nudge()
                    continue
            except ServiceError as error:
                _log.warning("digests have to wait", error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await stopping.wait()

    async def gather(self) -> int:
        """Makes the digests that are due; how many."""
        people = await self._pool.fetch(SQL["list_due_digests"], _PEOPLE)
        return sum([await self._gather(row["user_id"]) for row in people])

    async def _gather(self, person: UUID) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetch(SQL["lock_digest"], person):
                return False
            told: str = await connection.execute(SQL["gather_digest"], person, _EVENTS)
        return told != "UPDATE 0"
