"""Projects and their members in PostgreSQL. What the caller may do is decided here, on the rows that are changed."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from chassis.caller import caller, traceparent
from chassis.errors import LastOwner, MemberExists, MemberNotFound, PersonalProject, TooManyProjects, UserNotFound
from chassis.etag import check_etag, etag
from chassis.listing import Question
from chassis.postgres import Executor, Pool, transaction
from tasksvc.access import Role
from tasksvc.memberships import project_not_found, require_role
from tasksvc.partitions import partition_of
from tasksvc.statements import SQL

MOST: Final = 1_000
"""Projects that a user is a member of: each call of the user's reads what it may do in all of them."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project, as one of its members sees it."""

    id: UUID
    title: str
    description: str
    personal: bool
    role: Role
    """The caller's."""
    version: int
    create_time: datetime
    update_time: datetime
    delete_time: datetime | None

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> Self:
        """The project in a row of `projects`, with the caller's `role`."""
        values = {column: row[column] for column in cls.__slots__}
        return cls(**{**values, "role": Role(values["role"])})

    @property
    def etag(self) -> str:
        """Changes with the project, and with the caller's role in it."""
        return etag("project", self.id, self.version, self.role.name)


@dataclass(frozen=True, slots=True)
class Member:
    """A user's membership in a project."""

    project_id: UUID
    user_id: UUID
    username: str
    role: Role
    version: int
    create_time: datetime

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> Self:
        """The member in a row of `members`, with the user's `username`."""
        values = {column: row[column] for column in cls.__slots__}
        return cls(**{**values, "role": Role(values["role"])})

    @property
    def etag(self) -> str:
        """Changes with the membership; one that was ended and begun again is another one."""
        return etag("member", self.project_id, self.user_id, self.create_time.isoformat(), self.version)


class ProjectStore:
    """Projects and members. What changes them takes an executor, and makes a transaction unless it is in one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, executor: Executor, title: str, description: str) -> Project:
        """A new project of the caller. Raises TooManyProjects."""
        project_id = uuid7()
        async with transaction(executor) as connection:
            row: Any = await connection.fetchrow(
                SQL["create_project"], project_id, title, description, *_event(project_id)
            )
            await _check_count(connection, _caller_id(), "You are")
        return Project.from_row(row)

    async def get(self, project_id: UUID) -> Project:
        """The project. Raises ProjectNotFound, also if the caller is no member."""
        return await self._get(self._pool, project_id)

    async def page(self, asked: Question) -> list[Project]:
        """The caller's projects that are asked for; one parameter says who that is."""
        rows = await self._pool.fetch(asked.statement(SQL["list_projects"]), *asked.values)
        return [Project.from_row(row) for row in rows]

    async def update(self, executor: Executor, project_id: UUID, etag: str, **values: str) -> Project:
        """Sets the title and the description, whichever is given."""
        async with transaction(executor) as connection:
            project = await self._owned(connection, project_id)
            check_etag(etag, project.etag)
            after = replace(project, **values)  # type: ignore[arg-type]  # by name
            if after == project:
                return project
            row: Any = await connection.fetchrow(
                SQL["update_project"], project_id, after.title, after.description, project.role
            )
            return Project.from_row(row)

    async def delete(self, executor: Executor, project_id: UUID, etag: str) -> Project:
        """Takes the project away, softly; nobody is a member of it any more."""
        async with transaction(executor) as connection:
            project = await self._owned(connection, project_id)
            check_etag(etag, project.etag)
            if project.personal:
                raise PersonalProject("A personal project can't be deleted.")
            members = await connection.fetch(SQL["list_member_ids"], project_id)
            row: Any = await connection.fetchrow(
                SQL["delete_project"],
                project_id,
                [member["user_id"] for member in members],
                [uuid7() for _ in members],
                partition_of(project_id),
                _caller_id(),
                traceparent(),
            )
            return Project.from_row(row)

    async def member_ids(self, project_id: UUID) -> list[str]:
        """Everybody who is a member, or was one when the project was deleted."""
        return [str(row["user_id"]) for row in await self._pool.fetch(SQL["list_member_ids"], project_id)]

    async def owners(self, project_id: UUID) -> tuple[str, list[UUID]]:
        """The project's title, and its owners. Whoever asks need not be a member. Raises ProjectNotFound."""
        row = await self._pool.fetchrow(SQL["list_project_owners"], project_id)
        if row is None:
            raise project_not_found(project_id)
        return row["title"], row["user_ids"]

    async def list_members(self, project_id: UUID, asked: Question) -> list[Member]:
        """The members that are asked for; one parameter says of which project."""
        await self.get(project_id)
        rows = await self._pool.fetch(asked.statement(SQL["list_members"]), *asked.values)
        return [Member.from_row(row) for row in rows]

    async def add_member(
        self, executor: Executor, project_id: UUID, *, user_id: UUID | None, username: str, role: Role
    ) -> Member:
        """Makes the user with this id or username a member. Raises TooManyProjects."""
        async with transaction(executor) as connection:
            project = await self._owned(connection, project_id)
            if project.personal:
                raise PersonalProject("A personal project has one member only: make another project to share.")
            user = await connection.fetchrow(SQL["find_user"], user_id, username)
            if user is None:
                raise UserNotFound(f"There is no user {username or user_id}.")
            if await connection.fetchrow(SQL["get_member"], project_id, user["id"]):
                raise MemberExists(f"{user['username']} is a member of this project already.")
            row: Any = await connection.fetchrow(SQL["add_member"], project_id, user["id"], role, *_event(project_id))
            await _check_count(connection, user["id"], f"{user['username']} is")
            return Member.from_row(row)

    async def update_member(
        self, executor: Executor, project_id: UUID, user_id: UUID, role: Role | None, etag: str
    ) -> Member:
        """Gives a member another role; None leaves it."""
        async with transaction(executor) as connection:
            await self._owned(connection, project_id)
            member = await self._member(connection, project_id, user_id)
            check_etag(etag, member.etag)
            if role is None or role == member.role:
                return member
            await self._keep_an_owner(connection, member)
            row: Any = await connection.fetchrow(SQL["update_member"], project_id, user_id, role, *_event(project_id))
            return Member.from_row(row)

    async def remove_member(self, executor: Executor, project_id: UUID, user_id: UUID, etag: str) -> None:
        """Ends a membership: one's own, or as an OWNER anybody's."""
        async with transaction(executor) as connection:
            await connection.execute(SQL["lock_project"], project_id)
            project = await self._get(connection, project_id)
            if user_id != _caller_id():
                require_role(project.role, Role.OWNER)
            member = await self._member(connection, project_id, user_id)
            check_etag(etag, member.etag)
            await self._keep_an_owner(connection, member)
            await connection.execute(SQL["remove_member"], project_id, user_id, *_event(project_id))

    async def _owned(self, connection: Executor, project_id: UUID) -> Project:
        """The project, locked until the transaction ends, and the caller one of its owners."""
        await connection.execute(SQL["lock_project"], project_id)
        project = await self._get(connection, project_id)
        require_role(project.role, Role.OWNER)
        return project

    async def _get(self, executor: Executor, project_id: UUID) -> Project:
        row = await executor.fetchrow(SQL["get_project"], project_id, _caller_id())
        if row is None:
            raise project_not_found(project_id)
        return Project.from_row(row)

    async def _member(self, connection: Executor, project_id: UUID, user_id: UUID) -> Member:
        row = await connection.fetchrow(SQL["get_member"], project_id, user_id)
        if row is None:
            raise MemberNotFound(f"The user {user_id} is no member of this project.")
        return Member.from_row(row)

    async def _keep_an_owner(self, connection: Executor, leaving: Member) -> None:
        """Raises LastOwner if the project would have none. Its lock keeps others from leaving at the same time."""
        if leaving.role is Role.OWNER and await connection.fetchval(SQL["count_owners"], leaving.project_id) == 1:
            raise LastOwner(f"{leaving.username} is the last OWNER: make another member OWNER first.")


async def _check_count(connection: Executor, user_id: UUID, who: str) -> None:
    """After one was added, which locked the user's row: nobody adds another one before they are counted."""
    if await connection.fetchval(SQL["count_projects"], user_id) > MOST:
        raise TooManyProjects(f"{who} a member of {MOST:,} projects, which is the most: leave or delete one first.")


def _caller_id() -> UUID:
    return UUID(caller().user_id)


def _event(project_id: UUID) -> tuple[UUID, int, UUID, str]:
    """A new event's id, partition, actor and trace."""
    return uuid7(), partition_of(project_id), _caller_id(), traceparent()
