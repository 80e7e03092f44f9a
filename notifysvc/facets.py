"""The facets of notifications: what inboxes are filtered by, out of each one's event.

Notifications that were stored without it, before there were these columns or by a program of the release before, are
filled in now and then.
"""

import asyncio
from contextlib import suppress
from typing import Final, NamedTuple, Self
from uuid import UUID

import structlog
from taskbell.events.v1.events_pb2 import Event

from chassis.errors import ServiceError
from chassis.postgres import Pool
from notifysvc.statements import SQL

_EVERY: Final = 60.0
_MOST: Final = 100
_log = structlog.get_logger("notifysvc.facets")


class Facets(NamedTuple):
    """The columns that come from the event."""

    type: str
    actor_id: UUID | None
    project_id: UUID | None
    task_id: UUID | None
    title: str

    @classmethod
    def of(cls, event: Event) -> Self:
        """The event's."""
        return cls(event.type, _id(event.actor_id), _id(event.project_id), _id(event.task_id), event.task.title)


class Backfill:
    """A worker. Replicas do no harm to each other."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self, stopping: asyncio.Event) -> None:
        """Fills in what is missing, at once and every minute."""
        while not stopping.is_set():
            try:
                more = await self._fill_some()
            except ServiceError as error:
                _log.warning("facets not filled in", error=repr(error))
                more = False
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY):
                        await stopping.wait()

    async def _fill_some(self) -> bool:
        """Whether there may be more."""
        rows = await self._pool.fetch(SQL["list_facetless_notifications"], _MOST)
        if rows:
            found = [(row["id"], *Facets.of(Event.FromString(row["event"]))) for row in rows]
            await self._pool.execute(SQL["set_facets"], *map(list, zip(*found, strict=True)))
        return len(rows) == _MOST


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None
