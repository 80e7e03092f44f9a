"""Sessions in PostgreSQL: chains of refresh tokens, each of which works once."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from chassis.caller import traceparent
from chassis.client import Client
from chassis.errors import LoginFailed, RefreshTokenReused, SessionEnded, TokenInvalid, Unavailable
from chassis.postgres import Pool
from tasksvc.account_store import User
from tasksvc.known_clients import client_hash
from tasksvc.memberships import Memberships
from tasksvc.outbox_bell import OutboxBell
from tasksvc.partitions import partition_of
from tasksvc.statements import SQL

_SWEEP: Final = 3600.0
_log = structlog.get_logger("tasksvc.sessions")


@dataclass(frozen=True, slots=True)
class Started:
    """A session that its user can go on with."""

    session_id: UUID
    refresh_token: str
    user: User


class SessionStore:
    """Starts, carries on and ends sessions."""

    def __init__(self, pool: Pool, memberships: Memberships, bell: OutboxBell, *, lifetime: float) -> None:
        self._pool = pool
        self._memberships = memberships
        self._bell = bell
        self._lifetime = lifetime

    async def start(self, user: User, client: Client) -> Started:
        """A new session of a user who has shown the password; of a client that wasn't seen before, the user is told.

        Raises LoginFailed if the password has changed meanwhile.
        """
        session_id, token = uuid7(), _new_token()
        partition = partition_of(user.id)
        started = await self._pool.fetchval(
            SQL["start_session"],
            session_id,
            user.id,
            _hash(token),
            self._lifetime,
            user.password_hash,
            client_hash(client),
            partition,
            asdict(client),
            traceparent(),
        )
        if started is None:
            raise LoginFailed("The username or the password is wrong.")
        self._bell.ring([partition])
        return Started(session_id, token, user)

    async def refresh(self, token: str) -> Started:
        """The session with its next refresh token.

        Raises RefreshTokenReused, having ended the session, if the token was used before; SessionEnded if the session
        has ended or nobody came for too long; TokenInvalid if it is no refresh token of ours.
        """
        successor = _new_token()
        row = await self._pool.fetchrow(SQL["use_refresh_token"], _hash(token), _hash(successor), self._lifetime)
        if row is not None:
            return Started(row["session_id"], successor, User.from_row(row))
        row = await self._pool.fetchrow(SQL["find_refresh_token"], _hash(token))
        if row is None:
            raise TokenInvalid("This is no refresh token of Taskbell.")
        if row["use_time"] is None:
            raise SessionEnded("The session has ended: log in again.")
        await self.end(row["session_id"], row["user_id"], actor_id=None)
        raise RefreshTokenReused(
            "This refresh token was used before, so somebody else may hold it: the session has ended. Log in again."
        )

    async def end(self, session_id: UUID, user_id: UUID, *, actor_id: UUID | None) -> None:
        """Ends the session, by its user or (None) by ourselves; its tokens are refused from now on."""
        partition = partition_of(user_id)
        await self._pool.execute(SQL["end_session"], session_id, uuid7(), partition, actor_id, traceparent())
        self._bell.ring([partition])
        await self._memberships.changed([str(user_id)])

    async def run(self, stopping: asyncio.Event) -> None:
        """Forgets what expired long ago, now and then. Any number of replicas may do so at once."""
        while not stopping.is_set():
            try:
                await self._pool.execute(SQL["forget_sessions"])
                await self._pool.execute(SQL["forget_refresh_tokens"], self._lifetime)
            except Unavailable:
                _log.warning("expired sessions not removed")
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _SWEEP)


def _new_token() -> str:
    return secrets.token_urlsafe(32)


def _hash(token: str) -> bytes:
    """What is kept. 256 random bits need no slow hash."""
    return sha256(token.encode()).digest()
