"""The mails that tell of notifications: one to each person whom an event concerns, or one digest of several."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID

import asyncpg
import structlog
from taskbell.events.v1.events_pb2 import Event

from chassis.postgres import Pool
from notifysvc.accounts import Accounts
from notifysvc.concerned import Reason
from notifysvc.digest_letter import Digest, write_digest
from notifysvc.fates import Hold
from notifysvc.letter import Sender
from notifysvc.mail_table import Held, MailTable, Outgoing, Unsendable, Withheld, Written
from notifysvc.news_letter import News, Reader, write_news
from notifysvc.preference_store import DEFAULTS, preferences_of
from notifysvc.statements import SQL
from notifysvc.unsubscribe_links import UnsubscribeLinks

_log = structlog.get_logger("notifysvc.notification_mails")


class NotificationMails:
    """The queue of them."""

    def __init__(self, pool: Pool, accounts: Accounts, sender: Sender, links: UnsubscribeLinks) -> None:
        self.table = MailTable(pool, "mail")
        self._pool = pool
        self._accounts = accounts
        self._sender = sender
        self._links = links

    async def write(self, rows: Sequence[asyncpg.Record]) -> Mapping[UUID, Written]:
        """What becomes of these mails: those of somebody who wants quiet now have to wait."""
        preferences = await preferences_of(self._pool, {row["user_id"] for row in rows})
        now = datetime.now(UTC)
        quiet = {person: until for person, said in preferences.items() if (until := said.quiet_until(now))}
        told = await self._told([row for row in rows if row["user_id"] not in quiet])
        asked = {str(row["user_id"]) for row in rows} | {
            event.actor_id for events in told.values() for _, event in events if event.actor_id
        }
        users = await self._accounts.users(asked)
        written: dict[UUID, Written] = {}
        for row in rows:
            person = row["user_id"]
            if until := quiet.get(person):
                written[row["id"]] = Held(Hold.QUIET_HOURS, until)
                continue
            news = [News(event, reason, users.get(event.actor_id)) for reason, event in told[row["id"]]]
            user, said = users.get(str(person)), preferences.get(person, DEFAULTS)
            written[row["id"]] = self._one(row, news, Reader(user, said) if user else None)
        return written

    async def _told(self, rows: Sequence[asyncpg.Record]) -> Mapping[UUID, Sequence[tuple[Reason, Event]]]:
        """What each of the mails tells of, by the mail's id: a reason and an event, or a digest's many.

        Nothing of projects that its reader has left.
        """
        told: defaultdict[UUID, list[tuple[Reason, Event]]] = defaultdict(list)
        digests = [row["digest"] for row in rows if row["digest"]]
        for row in await self._pool.fetch(SQL["list_digest_events"], digests) if digests else ():
            told[row["digest"]].append((row["reason"], Event.FromString(row["event"])))
        for row in rows:
            if not row["digest"] and not row["gone"]:
                told[row["id"]].append((row["reason"], Event.FromString(row["event"])))
        return told

    def _one(self, row: asyncpg.Record, news: Sequence[News], reader: Reader | None) -> Written:
        if not news:
            return Withheld(Hold.NOT_A_MEMBER)
        if reader is None:
            return Unsendable("there is no such user")
        if not reader.user.email:
            return Withheld(Hold.NO_ADDRESS)
        try:
            message = self._compose(row, news, reader).as_bytes()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the mails behind
            _log.exception("mail can't be written", mail=str(row["id"]))
            return Unsendable(f"can't be written: {error}")
        if row["digest"]:
            return Outgoing(reader.user.email, message)
        (only,) = news
        at_once = row["hold"] == Hold.NONE
        return Outgoing(reader.user.email, message, only.event.traceparent, only.time if at_once else None)

    def _compose(self, row: asyncpg.Record, news: Sequence[News], reader: Reader) -> EmailMessage:
        if row["digest"]:
            return write_digest(self._sender, self._links, Digest(row["id"], row["since"], news), reader)
        (only,) = news
        return write_news(self._sender, self._links, only, reader)
