"""Sends the mails that wait in the database.

A mail is claimed under a lease, handed over, and noted as sent. What fails for now is tried again, ever more rarely;
what is refused for good, or is too old to be news, is dead: it stays in its table with the reason.

Between the end of a mail's text and the server's answer nobody can say whether it was taken: SMTP has no way to ask.
A mailer that dies, or loses the connection or the database, in just that moment leaves a mail that was perhaps sent.
That the moment begins is written down ahead of it, so that no other mail is taken for one of these. Such a mail is sent
again when the lease runs out, since one that never comes is worse than one that comes twice; both have the same
Message-ID, by which mail programs take them for one. They are counted (`doubts`).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from chassis.caller import Call, as_call
from chassis.errors import ServiceError
from chassis.race import race
from chassis.tracing import Followers, failed
from notifysvc.fates import Hold, State
from notifysvc.mail_pace import MailPace
from notifysvc.mail_table import Claim, Held, MailQueue, NotOurs, Outgoing, Unsendable, Withheld, Written
from notifysvc.smtp import SENDING, NotNow, NotTaken, Refused, ServerAway, SmtpLink

LEASE: Final = 60.0
_SENDS_FOR: Final = LEASE - SENDING - 5
"""Seconds of the lease within which a mail may be begun: so it is over before the lease is."""
_MOST: Final = 20
"""Mails claimed at once."""
_POLL: Final = 1.0
_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSES: Final[Mapping[type[NotTaken], float]] = {NotNow: 1800.0, ServerAway: 60.0}
"""A mailbox that is full stays so for long; a server that is away is back soon, and then has mails of everybody."""
_OLDEST: Final = timedelta(days=3)

_MAILS = Counter("taskbell_mails", "E-mails, by what became of an attempt to send one.", ["outcome"])
_WENT, _LATER, _GIVEN_UP, _HELD, _IN_DOUBT = map(_MAILS.labels, ("sent", "again", "dead", "held", "in_doubt"))
_DELAY = Histogram(
    "taskbell_mail_delay_seconds",
    "From an event's transaction to the moment when the mail server took its mail.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600),
)
_log = structlog.get_logger("notifysvc.mailer")


class Mailer:
    """A worker, for one kind of mails. Replicas share the work."""

    def __init__(self, mails: MailQueue, link: SmtpLink, pace: MailPace) -> None:
        self._mails = mails
        self._table = mails.table
        self._link = link
        self._pace = pace
        self._nudged = asyncio.Event()
        self._spans = Followers(SpanKind.CLIENT)
        self._failures = 0
        """How often in a row the server was away."""

    def nudge(self) -> None:
        """There are new mails."""
        self._nudged.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Sends what waits until the process ends; a mail that is begun is finished."""
        try:
            while not stopping.is_set():
                self._nudged.clear()
                try:
                    if await self._send_some(stopping):
                        continue
                except ServiceError as error:
                    _log.warning("mails have to wait", error=repr(error))
                except ServerAway as error:
                    wait = pause(self._failures, ServerAway)
                    _log.warning("the mail server takes no mails", error=str(error), wait=wait)
                    await _sleep(wait, stopping.wait())
                    continue
                await self._link.rest()
                await _sleep(_POLL, race(self._nudged.wait(), stopping.wait()))
        finally:
            await self._link.close()

    async def _send_some(self, stopping: asyncio.Event) -> bool:
        """Returns whether mails were due."""
        until = time.monotonic() + _SENDS_FOR
        rows = await self._table.claim(LEASE, _MOST)
        claims = [Claim.of(row) for row in rows]
        if not claims:
            return False
        try:
            written = await self._mails.write(rows)
        except ServiceError as error:
            await self._give_back(claims, _FIRST_PAUSE, repr(error))
            raise
        for number, claim in enumerate(claims):
            if stopping.is_set() or time.monotonic() > until:
                await self._give_back(claims[number:])
                break
            try:
                await self._decide(claim, written)
            except ServerAway as error:
                self._failures += 1
                await self._give_back(claims[number + 1 :], pause(self._failures, ServerAway), str(error))
                raise
        return True

    async def _decide(self, claim: Claim, written: Mapping[UUID, Written]) -> None:
        if claim.in_doubt:
            _IN_DOUBT.inc()
            _log.warning("mail perhaps sent before", mail=str(claim.id), attempt=claim.attempt)
        match written[claim.id]:
            case Outgoing() as mail:
                wait = 0 if claim.has_slot else await self._pace.take_slot(mail.recipient)
                if wait:
                    await self._hold(claim, Hold.RATE_LIMIT, datetime.now(UTC) + timedelta(seconds=wait))
                else:
                    await self._send(claim, mail)
            case Held(why, moment):
                await self._hold(claim, why, moment)
            case Withheld(why):
                await self._table.withhold(claim, why)
            case Unsendable(told):
                await self._give_up(claim, told, tried=False)

    async def _send(self, claim: Claim, mail: Outgoing) -> None:
        """Raises ServerAway, with the mail put back, if others need not be tried either."""
        server = self._link.server.attributes
        with (
            self._spans.begin("send mail", mail.traceparent, server) as span,
            as_call(Call(traceparent=mail.traceparent)),
        ):
            try:
                answer = await self._link.send(mail.recipient, mail.message, lambda: self._table.begin(claim))
            except NotOurs:
                _log.warning("mail is not ours any more", mail=str(claim.id), attempt=claim.attempt)
                return
            except NotTaken as error:
                failed(span, error)
                await self._not_taken(claim, error)
                if isinstance(error, ServerAway):
                    raise
                return
            taken = time.time()
            self._failures = 0
            await self._table.end(claim, State.SENT, answer)
            _WENT.inc()
            if mail.news_of is not None:
                _DELAY.observe(taken - mail.news_of.timestamp())
            _log.debug("mail sent", mail=str(claim.id), answer=answer)

    async def _not_taken(self, claim: Claim, error: NotTaken) -> None:
        if error.in_doubt:
            _IN_DOUBT.inc()
        if isinstance(error, Refused) or datetime.now(UTC) - claim.since > _OLDEST:
            await self._give_up(claim, str(error))
            return
        _log.warning("mail not sent yet", mail=str(claim.id), tries=claim.tries + 1, error=str(error))
        _LATER.inc()
        wait = pause(claim.tries + 1, type(error)) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads repeats
        await self._table.put_back(claim, wait, str(error), in_doubt=error.in_doubt)

    async def _hold(self, claim: Claim, why: Hold, until: datetime) -> None:
        await self._table.hold(claim, why, until)
        _HELD.inc()

    async def _give_up(self, claim: Claim, why: str, *, tried: bool = True) -> None:
        _log.error("mail given up", mail=str(claim.id), tries=claim.tries, error=why)
        await self._table.end(claim, State.DEAD, why, tried=tried)
        _GIVEN_UP.inc()

    async def _give_back(self, claims: list[Claim], wait: float = 0, told: str = "") -> None:
        """Those that were not tried."""
        for claim in claims:
            await self._table.put_back(claim, wait, told, tried=False)


def pause(tries: int, kind: type[NotTaken]) -> float:
    """Seconds until the next attempt, after so many that ended in this way."""
    return min(_FIRST_PAUSE * 2.0 ** min(tries - 1, 16), _LONGEST_PAUSES[kind])


async def _sleep(seconds: float, woken: Awaitable[object]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken
