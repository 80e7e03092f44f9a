"""The mails that tell of notifications: one to each person whom an event concerns."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from uuid import UUID

import asyncpg
import structlog
from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event

from chassis.postgres import Pool
from notifysvc.accounts import Accounts
from notifysvc.letter import Sender
from notifysvc.mail_table import MailTable, Outgoing, Unsendable, Written

_log = structlog.get_logger("notifysvc.notification_mails")


class NotificationMails:
    """The queue of them."""

    def __init__(self, pool: Pool, accounts: Accounts, sender: Sender) -> None:
        self.table = MailTable(pool, "mail")
        self._accounts = accounts
        self._sender = sender

    async def write(self, rows: Sequence[asyncpg.Record]) -> Mapping[UUID, Written]:
        """Composes these mails."""
        events = {row["id"]: Event.FromString(row["event"]) for row in rows}
        asked = {str(row["user_id"]) for row in rows} | {event.actor_id for event in events.values() if event.actor_id}
        users = await self._accounts.users(asked)
        return {row["id"]: self._one(row, events[row["id"]], users) for row in rows}

    def _one(self, row: asyncpg.Record, event: Event, users: Mapping[str, User]) -> Written:
        user = users.get(str(row["user_id"]))
        if user is None:
            return Unsendable("there is no such user")
        try:
            message = self._sender.compose(event, row["reason"], user, users.get(event.actor_id)).as_bytes()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the mails behind
            _log.exception("mail can't be written", mail=str(row["id"]))
            return Unsendable(f"can't be written: {error}")
        return Outgoing(user.email, message, event.traceparent, event.time.ToDatetime(UTC))
