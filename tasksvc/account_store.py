"""Users and API tokens in PostgreSQL."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from chassis.api_tokens import ApiToken
from chassis.caller import traceparent
from chassis.errors import EmailTaken, TooManyTokens, UsernameTaken
from chassis.etag import etag
from chassis.listing import Question
from chassis.postgres import Executor, Pool, transaction
from tasksvc.links import Purpose
from tasksvc.partitions import partition_of
from tasksvc.statements import SQL

PERSONAL_TITLE: Final = "Personal"
MOST_TOKENS: Final = 200
"""API tokens of a user, with those that expired in the last 30 days: each call of theirs reads all of them."""


@dataclass(frozen=True, slots=True)
class User:
    """A person, or the owner of programs."""

    id: UUID
    username: str
    email: str
    password_hash: str
    personal_project_id: UUID
    version: int
    create_time: datetime
    email_confirm_time: datetime | None

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> Self:
        """The user in a row of `users`."""
        return cls(**{column: row[column] for column in cls.__slots__})


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is kept of an API token."""

    id: UUID
    name: str
    scopes: list[str]
    create_time: datetime
    expire_time: datetime | None

    @property
    def etag(self) -> str:
        """Nothing of a token changes."""
        return token_etag(self.id)

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> Self:
        """The token in a row of `tokens`."""
        return cls(**{column: row[column] for column in cls.__slots__})


def token_etag(token_id: UUID) -> str:
    """The etag of the token with this id, whether or not there is one."""
    return etag("token", token_id)


class AccountStore:
    """Users and their API tokens."""

    def __init__(self, pool: Pool, *, confirms: bool) -> None:
        """`confirms`: who registers is mailed a link to confirm the address."""
        self._pool = pool
        self._confirms = confirms

    async def register(self, executor: Executor, username: str, email: str, password_hash: str) -> User:
        """The new user, with a personal project. Raises UsernameTaken or EmailTaken."""
        user_id, confirmation = uuid7(), Purpose.CONFIRM_EMAIL
        try:
            row: Any = await executor.fetchrow(
                SQL["register_user"],
                user_id,
                username,
                email,
                password_hash,
                uuid7(),
                PERSONAL_TITLE,
                confirmation,
                confirmation.lifetime,
                partition_of(user_id),
                confirmation.event,
                traceparent(),
                self._confirms,
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "users_email":
                raise EmailTaken("Another user has this e-mail address.") from None
            if error.constraint_name == "users_username_key":
                raise UsernameTaken(f"Another user is called {username!r}.") from None
            raise
        return User.from_row(row)

    async def get(self, user_id: UUID) -> User | None:
        """The user, whoever asks."""
        row = await self._pool.fetchrow(SQL["get_user"], user_id)
        return User.from_row(row) if row else None

    async def get_seen_by(self, user_id: UUID, viewer_id: UUID) -> User | None:
        """The user, if the viewer shares a project with it."""
        row = await self._pool.fetchrow(SQL["get_user_seen_by"], user_id, viewer_id)
        return User.from_row(row) if row else None

    async def batch_get(self, user_ids: Collection[UUID]) -> list[User]:
        """Those of the users that exist."""
        return [User.from_row(row) for row in await self._pool.fetch(SQL["batch_get_users"], list(user_ids))]

    async def find_login(self, name: str) -> User | None:
        """The user with this username or e-mail address, in any case."""
        row = await self._pool.fetchrow(SQL["find_login"], name.lower())
        return User.from_row(row) if row else None

    async def replace_password_hash(self, user: User, password_hash: str) -> None:
        """The same password, hashed anew."""
        await self._pool.execute(SQL["replace_password_hash"], user.id, user.password_hash, password_hash)

    async def create_token(
        self, token: ApiToken, name: str, scopes: Collection[str], expire_time: datetime | None
    ) -> TokenRecord:
        """Keeps a new API token. Raises TooManyTokens."""
        async with transaction(self._pool) as db:
            # It locks the user's row, so that nobody makes another one before this one is counted.
            row: Any = await db.fetchrow(
                SQL["create_token"], token.token_id, token.user_id, name, token.hash, list(scopes), expire_time
            )
            if await db.fetchval(SQL["count_tokens"], token.user_id) > MOST_TOKENS:
                raise TooManyTokens(f"A user may have {MOST_TOKENS} API tokens: revoke one first.")
        return TokenRecord.from_row(row)

    async def list_tokens(self, asked: Question) -> list[TokenRecord]:
        """A user's tokens that are asked for and weren't revoked; one parameter says whose."""
        rows = await self._pool.fetch(asked.statement(SQL["list_tokens"]), *asked.values)
        return [TokenRecord.from_row(row) for row in rows]

    async def revoke_token(self, token_id: UUID, user_id: UUID) -> bool:
        """Ends one of the user's tokens. Whether there was one to end."""
        ended = await self._pool.fetchval(
            SQL["revoke_token"], token_id, user_id, uuid7(), partition_of(user_id), user_id, traceparent()
        )
        return ended is not None
