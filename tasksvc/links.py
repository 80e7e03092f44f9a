"""Links that are mailed to users: each is for one thing, works once, and not for long.

Who asks for a link gets a row without a token. The token is made when the mail is sent, and only its hash is kept: it
travels on no bus and lies in no outbox. It follows from the service key and the request, so that a mail which may have
been sent, and is sent once more, has the same link in it.
"""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import Final
from uuid import UUID

from chassis.caller import traceparent
from chassis.errors import LinkInvalid
from chassis.postgres import Executor, Pool, transaction
from tasksvc.partitions import partition_of
from tasksvc.statements import SQL

PAUSE: Final = 60.0
"""Seconds until another mail for the same purpose: nobody's mailbox can be flooded through us."""


class Purpose(IntEnum):
    """What a link is for."""

    CONFIRM_EMAIL = 1
    RESET_PASSWORD = 2

    @property
    def lifetime(self) -> float:
        """Seconds for which it can be used, from the request on."""
        return 3 * 86400.0 if self is Purpose.CONFIRM_EMAIL else 3600.0

    @property
    def event(self) -> str:
        """The type of the event that has it mailed."""
        return f"account.{'confirmation' if self is Purpose.CONFIRM_EMAIL else 'password_reset'}_requested"


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """What a mail carries."""

    token: str
    expire_time: datetime


class LinkStore:
    """Links in PostgreSQL."""

    def __init__(self, pool: Pool, *, key: str) -> None:
        self._pool = pool
        self._key = key.encode()

    async def request(self, user_id: UUID, purpose: Purpose, *, actor_id: UUID | None) -> bool:
        """Has a link mailed, which takes the place of the one before. False, and none, so soon after the last."""
        found = await self._pool.fetchval(
            SQL["request_link"],
            user_id,
            purpose,
            purpose.lifetime,
            PAUSE,
            partition_of(user_id),
            purpose.event,
            actor_id,
            traceparent(),
        )
        return found is not None

    async def issue(self, link_id: UUID) -> IssuedLink:
        """The link with its token. Raises LinkInvalid if it was used or replaced, or has expired."""
        secret = hmac.digest(self._key, b"taskbell link " + link_id.bytes, sha256)
        token = urlsafe_b64encode(secret).decode().rstrip("=")
        expire_time = await self._pool.fetchval(SQL["issue_link"], link_id, _hash(token))
        if expire_time is None:
            raise _invalid()
        return IssuedLink(token, expire_time)

    async def check(self, token: str, purpose: Purpose) -> None:
        """Raises LinkInvalid if the link can't be used at this moment."""
        if await self._pool.fetchval(SQL["find_link"], _hash(token), purpose) is None:
            raise _invalid()

    async def confirm_email(self, token: str) -> None:
        """Uses a link. Raises LinkInvalid."""
        if await self._pool.fetchval(SQL["confirm_email"], _hash(token), Purpose.CONFIRM_EMAIL) is None:
            raise _invalid()

    async def reset_password(self, token: str, password_hash: str) -> tuple[UUID, int]:
        """Uses a link: the user has this password, and no session. Whose it is, and how many have ended.

        Raises LinkInvalid.
        """
        async with transaction(self._pool) as db:
            user_id = await _set_password(db, token, password_hash)
            ended = await db.fetchval(SQL["end_sessions_after_reset"], user_id, partition_of(user_id), traceparent())
        return user_id, ended


async def _set_password(db: Executor, token: str, password_hash: str) -> UUID:
    user_id: UUID | None = await db.fetchval(SQL["reset_password"], _hash(token), Purpose.RESET_PASSWORD, password_hash)
    if user_id is None:
        raise _invalid()
    return user_id


def _hash(token: str) -> bytes:
    """What is kept. 256 bits that nobody can guess need no slow hash."""
    return sha256(token.encode()).digest()


def _invalid() -> LinkInvalid:
    return LinkInvalid("This link was used or replaced, has expired, or is for something else: ask for a new one.")
