"""Keeps webhooks in step with their projects: tells the owners of one that ended, removes those of a deleted project.

Whose a project is, and whether it is still there, tasksvc knows, and may be away: so that there is something to ask is
noted at the webhook, with what is to be told, and settled later, in the transaction that takes the note away.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final
from uuid import UUID

import structlog
from taskbell.events.v1.events_pb2 import Event
from taskbell.projects.v1.projects_pb2 import Owners
from uuid_utils.compat import uuid7

from chassis.errors import ProjectNotFound, ServiceError
from chassis.postgres import Executor, Pool, transaction
from chassis.race import race
from notifysvc.account_wording import WEBHOOK_GONE, WEBHOOK_PAUSED
from notifysvc.effects import Arrival, Work
from notifysvc.projects import Projects
from notifysvc.statements import SQL

_EVERY: Final = 5.0
_AT_ONCE: Final = 50
_log = structlog.get_logger("notifysvc.webhook_upkeep")


class Notice(IntEnum):
    """What owners are to be told: the column `notice`."""

    NONE = 0
    PAUSED = 1
    GONE = 2


_EVENTS: Final = {Notice.PAUSED: WEBHOOK_PAUSED, Notice.GONE: WEBHOOK_GONE}


class WebhookUpkeep:
    """A worker. Replicas do no harm to each other."""

    def __init__(self, pool: Pool, projects: Projects, mailed: Callable[[], None]) -> None:
        self._pool = pool
        self._projects = projects
        self._mailed = mailed
        self._woken = asyncio.Event()

    async def of(self, arrivals: Sequence[Arrival]) -> Work | None:
        """A deleted project is told of by the departure of all its members, so each departure is asked about."""
        left = {arrival.event.project_id for arrival in arrivals if arrival.event.type == "member.removed"}
        if not left:
            return None

        async def keep(db: Executor) -> None:
            await db.execute(SQL["ask_about_webhooks"], [UUID(project) for project in left])

        return keep

    def nudge(self) -> None:
        """There is something to ask."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Asks what there is to ask until the process ends."""
        while not stopping.is_set():
            self._woken.clear()
            try:
                for row in await self._pool.fetch(SQL["list_webhooks_to_ask_about"], _AT_ONCE):
                    await self._ask(row)
            except ServiceError as error:
                _log.warning("projects of webhooks can't be asked about yet", error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await race(self._woken.wait(), stopping.wait())

    async def _ask(self, row: Any) -> None:
        try:
            owners = await self._projects.owners(row["project_id"])
        except ProjectNotFound:
            await self._pool.execute(SQL["delete_webhooks_of_project"], row["project_id"])
            _log.info("webhooks of a deleted project removed", project=str(row["project_id"]))
            return
        letters = _letters(row, owners)
        async with transaction(self._pool) as db:
            if not await db.fetchval(SQL["note_webhook_asked"], row["id"], row["asks"]):
                return  # something happened meanwhile, or another replica was quicker
            ids = [letter.event_id for letter in letters]
            await db.execute(SQL["add_account_mails"], ids, [letter.SerializeToString() for letter in letters])
        if letters:
            self._mailed()


def _letters(row: Any, owners: Owners) -> list[Event]:
    """One for each owner."""
    kind = _EVENTS.get(row["notice"])
    if kind is None:
        return []
    letters = []
    for user_id in owners.user_ids:
        event = Event(event_id=str(uuid7()), type=kind, project_id=str(row["project_id"]))
        event.time.FromDatetime(datetime.now(UTC))
        event.account.user_id = user_id
        event.account.webhook.url = row["url"]
        event.account.webhook.project_title = owners.title
        event.account.webhook.failing_since_time.FromDatetime(row["failing_since_time"])
        letters.append(event)
    return letters
