"""Sends the e-mails that wait in the database: one to each person whom an event concerns.

A mail is claimed under a lease, sent, and noted as sent. What fails for now is tried again, ever more rarely; what is
refused for good, or is too old to be news, is dead: it stays in the table with the reason.

Between the end of a mail's text and the server's answer nobody can say whether it was taken: SMTP has no way to ask.
A mailer that dies, or loses the connection or the database, in just that moment leaves a mail that was perhaps sent.
It is sent again when the lease runs out, since a mail that never comes is worse than one that comes twice; both have
the same Message-ID, by which mail programs take them for one.
"""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import aiosmtplib
import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from taskbell.accounts.v1.accounts_pb2 import User
from taskbell.events.v1.events_pb2 import Event

from chassis.caller import Call, as_call
from chassis.errors import ServiceError
from chassis.postgres import Pool
from chassis.race import race
from chassis.tracing import Attributes, Followers, failed
from notifysvc.accounts import Accounts
from notifysvc.concerned import Reason
from notifysvc.inbox import SQL
from notifysvc.letter import Sender

LEASE: Final = 60.0
_MOST: Final = 20
"""Mails claimed at once."""
_SENDING: Final = 25.0
"""Seconds that one mail may take. Begun in the first half of the lease, it is over before the lease is."""
_POLL: Final = 1.0
_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 300.0
_OLDEST: Final = timedelta(days=3)
_SENT, _DEAD = 2, 3
_PERMANENT: Final = 500
_GOODBYE: Final = 2.0

_MAILS = Counter("taskbell_mails", "E-mails, by what became of an attempt to send one.", ["outcome"])
_WENT, _LATER, _GIVEN_UP = map(_MAILS.labels, ("sent", "again", "dead"))
_DELAY = Histogram(
    "taskbell_mail_delay_seconds",
    "From an event's transaction to the moment when the mail server took its mail.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600),
)
_log = structlog.get_logger("notifysvc.mailer")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed over."""

    host: str
    port: int

    def connection(self) -> aiosmtplib.SMTP:
        """One that isn't open yet. It will encrypt if the server offers that."""
        return aiosmtplib.SMTP(hostname=self.host, port=self.port, timeout=_SENDING / 3)

    @property
    def attributes(self) -> Attributes:
        """What a trace tells of it."""
        return {"server.address": self.host, "server.port": self.port}


@dataclass(frozen=True, slots=True)
class _Mail:
    """One claimed mail."""

    id: UUID
    attempt: int
    create_time: datetime
    user_id: str
    reason: Reason
    event: Event


class Mailer:
    """A worker. Replicas share the work."""

    def __init__(self, pool: Pool, accounts: Accounts, smtp: SmtpServer, sender: Sender) -> None:
        self._pool = pool
        self._accounts = accounts
        self._smtp = smtp
        self._sender = sender
        self._nudged = asyncio.Event()
        self._spans = Followers(SpanKind.CLIENT)

    def nudge(self) -> None:
        """There are new mails."""
        self._nudged.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Sends what waits until the process ends; a mail that is begun is finished."""
        while not stopping.is_set():
            self._nudged.clear()
            try:
                if await self._send_some(stopping):
                    continue
            except ServiceError as error:
                _log.warning("mails have to wait", error=repr(error))
            await self._wait(stopping)

    async def _wait(self, stopping: asyncio.Event) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL):
                await race(self._nudged.wait(), stopping.wait())

    async def _send_some(self, stopping: asyncio.Event) -> int:
        """Returns how many mails were due."""
        begun = time.monotonic()
        mails = [_mail(row) for row in await self._pool.fetch(SQL["claim_mails"], LEASE, _MOST)]
        if not mails:
            return 0
        try:
            users = await self._accounts.users(
                {each for mail in mails for each in (mail.user_id, mail.event.actor_id) if each}
            )
        except ServiceError as error:
            for mail in mails:
                await self._again(mail, repr(error), _FIRST_PAUSE)
            raise
        connection = self._smtp.connection()
        try:
            for mail in mails:
                if stopping.is_set() or time.monotonic() - begun > LEASE / 2:
                    await self._again(mail, "", 0)
                    continue
                await self._attempt(connection, mail, users)
        finally:
            await _hang_up(connection)
        return len(mails)

    async def _attempt(self, connection: aiosmtplib.SMTP, mail: _Mail, users: dict[str, User]) -> None:
        origin = mail.event.traceparent
        with self._spans.begin("send mail", origin, self._smtp.attributes) as span, as_call(Call(traceparent=origin)):
            try:
                async with asyncio.timeout(_SENDING):
                    if not connection.is_connected:
                        await connection.connect()
                    await self._send(connection, mail, users)
            except (aiosmtplib.SMTPException, OSError) as error:  # a timeout is an OSError
                failed(span, error)
                await self._failed(mail, error)
                if not isinstance(error, aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused):
                    connection.close()

    async def _send(self, connection: aiosmtplib.SMTP, mail: _Mail, users: dict[str, User]) -> None:
        user = users.get(mail.user_id)
        if user is None:
            await self._end(mail, _DEAD, "there is no such user")
            return
        try:
            message = self._sender.compose(mail.event, mail.reason, user, users.get(mail.event.actor_id))
        except ValueError as error:
            await self._end(mail, _DEAD, f"can't be written: {error}")
            return
        await connection.sendmail(self._sender.address.addr_spec, [user.email], message.as_bytes())
        await self._end(mail, _SENT, "")
        _DELAY.observe(time.time() - mail.event.time.ToNanoseconds() / 1e9)
        _log.debug("mail sent", mail=str(mail.id), event_id=mail.event.event_id)

    async def _failed(self, mail: _Mail, error: Exception) -> None:
        text = repr(error)
        if _refused_for_good(error) or datetime.now(UTC) - mail.create_time > _OLDEST:
            await self._end(mail, _DEAD, text)
        else:
            _log.warning("mail not sent yet", mail=str(mail.id), attempt=mail.attempt, error=text)
            _LATER.inc()
            await self._again(mail, text, pause(mail.attempt) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads repeats

    async def _again(self, mail: _Mail, error: str, wait: float) -> None:
        await self._pool.execute(SQL["retry_mail"], mail.id, mail.attempt, wait, error)

    async def _end(self, mail: _Mail, state: int, error: str) -> None:
        if error:
            _log.error("mail given up", mail=str(mail.id), attempt=mail.attempt, error=error)
        await self._pool.execute(SQL["end_mail"], mail.id, mail.attempt, state, error)
        (_WENT if state == _SENT else _GIVEN_UP).inc()


def pause(attempt: int) -> float:
    """Seconds until the next attempt."""
    return min(_FIRST_PAUSE * 2.0 ** min(attempt - 1, 16), _LONGEST_PAUSE)


def _refused_for_good(error: Exception) -> bool:
    """Whether the server won't ever take this mail, as opposed to any mail, or just now."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=refusals):
            return all(refusal.code >= _PERMANENT for refusal in refusals)
        case aiosmtplib.SMTPDataError(code=code):
            return code >= _PERMANENT
        case aiosmtplib.SMTPNotSupported():
            return True  # an address or a text that this server can't carry
    return False


async def _hang_up(connection: aiosmtplib.SMTP) -> None:
    with suppress(aiosmtplib.SMTPException, OSError):
        if connection.is_connected:
            async with asyncio.timeout(_GOODBYE):
                await connection.quit()
    connection.close()


def _mail(row: Any) -> _Mail:
    return _Mail(
        id=row["id"],
        attempt=row["attempt"],
        create_time=row["create_time"],
        user_id=str(row["user_id"]),
        reason=row["reason"],
        event=Event.FromString(row["event"]),
    )
