"""Mails about accounts: one for each event of an account.

The link in a mail gets its token at the moment of sending, from tasksvc. What nobody needs any more, since its link was
used, replaced, or has expired meanwhile, isn't sent.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event

from chassis.errors import LinkInvalid, ServiceError
from chassis.postgres import Executor, Pool
from notifysvc.account_letter import PAGES, AccountLetter, compose
from notifysvc.account_wording import KINDS
from notifysvc.accounts import Accounts
from notifysvc.effects import Arrival, Work
from notifysvc.fates import Hold
from notifysvc.letter import Sender
from notifysvc.mail_table import Held, MailTable, Outgoing, Unsendable, Written
from notifysvc.preference_store import DEFAULTS, preferences_of
from notifysvc.preferences import Language
from notifysvc.statements import SQL

_OTHERS_TURN: Final = timedelta(seconds=2)
_KEPT_FOR_OTHERS: Final = timedelta(days=3)
_log = structlog.get_logger("notifysvc.account_mails")


class AccountMails:
    """The queue of them, and how events come into it."""

    def __init__(self, pool: Pool, accounts: Accounts, sender: Sender) -> None:
        self.table = MailTable(pool, "account_mail")
        self._pool = pool
        self._accounts = accounts
        self._sender = sender

    async def of(self, arrivals: Sequence[Arrival]) -> Work | None:
        """A mail for each event of an account."""
        events = [arrival.event for arrival in arrivals if arrival.event.HasField("account")]
        if not events:
            return None

        async def keep(db: Executor) -> None:
            ids = [UUID(event.event_id) for event in events]
            await db.execute(SQL["add_account_mails"], ids, [event.SerializeToString() for event in events])

        return keep

    async def write(self, rows: Sequence[asyncpg.Record]) -> Mapping[UUID, Written]:
        """Composes these mails."""
        events = {row["id"]: Event.FromString(row["event"]) for row in rows}
        people = {event.account.user_id for event in events.values()}
        users = await self._accounts.users(people)
        preferences = await preferences_of(self._pool, [UUID(person) for person in people])
        written: dict[UUID, Written] = {}
        now = datetime.now(UTC)
        since = {row["id"]: row["since"] for row in rows}
        for mail_id, event in events.items():
            if event.type not in KINDS and now - since[mail_id] < _KEPT_FOR_OTHERS:
                # A newer version wrote it, and is on its way here or has just left: its mailers know what it says.
                written[mail_id] = Held(Hold.NONE, now + _OTHERS_TURN)
                continue
            said = preferences.get(UUID(event.account.user_id), DEFAULTS)
            if event.account.HasField("webhook") and (until := said.quiet_until(now)):
                written[mail_id] = Held(Hold.QUIET_HOURS, until)  # nobody waits for it, as for a link
                continue
            written[mail_id] = await self._one(event, users.get(event.account.user_id), said.language)
        return written

    async def _one(self, event: Event, user: User | None, language: Language) -> Written:
        if user is None:
            return Unsendable("there is no such user")
        try:
            link = await self._accounts.issue_link(event.event_id) if event.type in PAGES else None
            message = compose(self._sender, AccountLetter(event, user, link), language).as_bytes()
        except LinkInvalid:
            return Unsendable("nobody needs it any more: its link was used or replaced, or has expired")
        except ServiceError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the mails behind
            _log.exception("mail can't be written", mail=event.event_id)
            return Unsendable(f"can't be written: {error}")
        return Outgoing(user.email, message, event.traceparent, event.time.ToDatetime(UTC))
