"""Mails that wait in a table of the database, each claimed under a lease by one mailer at a time.

A kind of mails has its own table, with the columns of `mails`, and its own statements `claim_<name>s`, `begin_<name>`,
`end_<name>`, `put_back_<name>` and `hold_<name>`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self, TypeAlias
from uuid import UUID

import asyncpg

from chassis.postgres import Pool
from notifysvc.fates import Hold, State
from notifysvc.statements import SQL


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail that is this process's to send for the length of the lease."""

    id: UUID
    attempt: int
    """Fences a mailer that lost its lease and does not know."""
    tries: int
    """How often the server was asked to take it."""
    since: datetime
    """When it was first to be sent."""
    in_doubt: bool
    """Whether whoever claimed it before began to hand it over and came to no end: then it was perhaps sent."""
    has_slot: bool
    """Whether its turn at the recipient's domain has come."""

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        """The claim of a row."""
        return cls(row["id"], row["attempt"], row["tries"], row["since"], row["in_doubt"], row["has_slot"])


class NotOurs(Exception):
    """The lease of a claim is over, or the mail is not to be sent any more."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail that is written."""

    recipient: str
    message: bytes
    traceparent: str = ""
    """Of the call that led to it."""
    news_of: datetime | None = None
    """When what it tells happened, if it goes out as soon as it can."""


@dataclass(frozen=True, slots=True)
class Held:
    """A mail that is not to be sent yet."""

    why: Hold
    until: datetime


@dataclass(frozen=True, slots=True)
class Withheld:
    """A mail that is not to be sent."""

    why: Hold


@dataclass(frozen=True, slots=True)
class Unsendable:
    """A mail that can't be sent at all."""

    why: str


Written: TypeAlias = Outgoing | Held | Withheld | Unsendable


class MailTable:
    """The mails of one kind."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool = pool
        self._claim = SQL[f"claim_{name}s"]
        self._begin = SQL[f"begin_{name}"]
        self._end = SQL[f"end_{name}"]
        self._put_back = SQL[f"put_back_{name}"]
        self._hold = SQL[f"hold_{name}"]

    async def claim(self, lease: float, most: int) -> Sequence[asyncpg.Record]:
        """Mails that are due. Who dies with them leaves them to others when the lease (seconds) is over."""
        rows: Sequence[asyncpg.Record] = await self._pool.fetch(self._claim, lease, most)
        return rows

    async def begin(self, claim: Claim) -> None:
        """The server is given it now: until its end is noted, it was perhaps sent. Raises NotOurs."""
        if await self._execute(self._begin, claim) == "UPDATE 0":
            raise NotOurs

    async def end(self, claim: Claim, state: State, told: str, *, tried: bool = True) -> None:
        """It was sent, with this answer of the server's, or is given up for this reason."""
        await self._execute(self._end, claim, state, told, Hold.NONE, int(tried))

    async def withhold(self, claim: Claim, why: Hold) -> None:
        """It is not sent, and nothing went wrong."""
        await self._execute(self._end, claim, State.WITHHELD, "", why, 0)

    async def put_back(
        self, claim: Claim, wait: float, told: str, *, tried: bool = True, in_doubt: bool = False
    ) -> None:
        """It is tried again after so many seconds."""
        await self._execute(self._put_back, claim, wait, told, int(tried), int(in_doubt))

    async def hold(self, claim: Claim, why: Hold, until: datetime) -> None:
        """It waits, and nothing went wrong."""
        await self._execute(self._hold, claim, until, why)

    async def _execute(self, statement: str, claim: Claim, *values: Any) -> str:
        return await self._pool.execute(statement, claim.id, claim.attempt, *values)


class MailQueue(Protocol):
    """A kind of mails: where they wait, and what they say."""

    @property
    def table(self) -> MailTable:
        """Where they wait."""

    async def write(self, rows: Sequence[asyncpg.Record]) -> Mapping[UUID, Written]:
        """What becomes of these claimed mails, by id. Raises Unavailable if that can't be said now."""
