"""Webhooks in PostgreSQL, and what they were to be sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from chassis.errors import DeliveryNotFound, TooManyWebhooks, WebhookNotFound
from chassis.etag import check_etag, etag
from chassis.postgres import Executor, Pool, transaction
from notifysvc.statements import SQL

MOST: Final = 20
"""Webhooks of a project."""
OVERLAP: Final = 24 * 3600.0
"""Seconds for which a secret signs beside its successor."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told."""

    id: UUID
    project_id: UUID
    url: str
    description: str
    event_types: Sequence[str]
    disabled: bool
    secret_number: int
    former_secret_expire_time: datetime | None
    failing_since_time: datetime | None
    pause_time: datetime | None
    version: int
    create_time: datetime
    update_time: datetime

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> Self:
        """The webhook in a row of `webhooks`."""
        return cls(**{column: row[column] for column in cls.__slots__})

    @property
    def etag(self) -> str:
        """Changes with all that is shown of it."""
        return etag("webhook", self.id, self.version, self.failing_since_time, self.pause_time, self.disabled)


@dataclass(frozen=True, slots=True)
class Draft:
    """What an owner says of a webhook."""

    url: str
    description: str = ""
    event_types: Sequence[str] = field(default_factory=list)
    disabled: bool = False


class WebhookStore:
    """All of them. What makes something new takes an executor, and makes a transaction unless it is in one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, executor: Executor, project_id: UUID, draft: Draft) -> Webhook:
        """A new one. Raises TooManyWebhooks."""
        async with transaction(executor) as db:
            row: Any = await db.fetchrow(
                SQL["create_webhook"],
                uuid7(),
                project_id,
                draft.url,
                draft.description,
                list(draft.event_types),
                draft.disabled,
            )
            if await db.fetchval(SQL["count_webhooks"], project_id) > MOST:
                raise TooManyWebhooks(f"A project may have {MOST} webhooks: delete one first.")
        return Webhook.from_row(row)

    async def page(self, project_id: UUID, after: UUID | None, most: int) -> list[Webhook]:
        """A project's, oldest first."""
        return [Webhook.from_row(row) for row in await self._pool.fetch(SQL["list_webhooks"], project_id, after, most)]

    async def get(self, project_id: UUID, webhook_id: UUID) -> Webhook:
        """One of a project's. Raises WebhookNotFound."""
        return _found(await self._pool.fetchrow(SQL["get_webhook"], project_id, webhook_id), webhook_id)

    async def update(self, project_id: UUID, webhook_id: UUID, etag_: str, **values: Any) -> Webhook:
        """Changes these fields of a Draft. Raises WebhookNotFound, EtagMismatch."""
        async with transaction(self._pool) as db:
            webhook = await _locked(db, project_id, webhook_id, etag_)
            draft = Draft(webhook.url, webhook.description, webhook.event_types, webhook.disabled)
            draft = replace(draft, **values)
            row = await db.fetchrow(
                SQL["update_webhook"],
                webhook_id,
                draft.url,
                draft.description,
                list(draft.event_types),
                draft.disabled,
                "disabled" in values,
            )
        return _found(row, webhook_id)

    async def delete(self, project_id: UUID, webhook_id: UUID, etag_: str) -> None:
        """Removes it. Raises WebhookNotFound, EtagMismatch."""
        async with transaction(self._pool) as db:
            await _locked(db, project_id, webhook_id, etag_)
            await db.execute(SQL["delete_webhook"], webhook_id)

    async def rotate_secret(self, executor: Executor, project_id: UUID, webhook_id: UUID) -> Webhook:
        """Gives it another secret. Raises WebhookNotFound."""
        row = await executor.fetchrow(SQL["rotate_webhook_secret"], project_id, webhook_id, OVERLAP)
        return _found(row, webhook_id)

    async def deliveries(self, webhook: Webhook, before: UUID | None, state: int, most: int) -> list[asyncpg.Record]:
        """What it was to be sent, newest first: in one state or, with 0, in any."""
        return await self._pool.fetch(SQL["list_webhook_deliveries"], webhook.id, before, state, most)

    async def retry(self, webhook: Webhook, delivery_id: UUID) -> asyncpg.Record:
        """Has something sent once more. Raises DeliveryNotFound."""
        row = await self._pool.fetchrow(SQL["retry_webhook_delivery"], webhook.id, delivery_id)
        if row is None:
            raise DeliveryNotFound(f"The webhook has no delivery {delivery_id}, or it has been forgotten.")
        return row


async def _locked(db: Executor, project_id: UUID, webhook_id: UUID, etag_: str) -> Webhook:
    webhook = _found(await db.fetchrow(SQL["lock_webhook"], project_id, webhook_id), webhook_id)
    check_etag(etag_, webhook.etag)
    return webhook


def _found(row: asyncpg.Record | None, webhook_id: UUID) -> Webhook:
    if row is None:
        raise WebhookNotFound(f"The project has no webhook {webhook_id}.")
    return Webhook.from_row(row)
