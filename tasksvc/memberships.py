"""Who may do what in which project, as of the last acknowledged change."""

from collections.abc import Collection
from typing import Final

import asyncpg

from chassis.caller import caller, current_call
from chassis.errors import ProjectNotFound, RoleTooLow, TokenInvalid
from chassis.joint_reads import JointReads
from chassis.postgres import Pool
from tasksvc.access import Access, Authenticated, Grant, Role
from tasksvc.cache import AccessCache
from tasksvc.statements import SQL

_MARGIN: Final = 300
"""Seconds that clocks may differ, and more."""


class Memberships:
    """Every user's access, from the cache or the database."""

    def __init__(self, pool: Pool, cache: AccessCache, *, access_token_lifetime: float) -> None:
        self._pool = pool
        self._cache = cache
        # At least an hour: tokens may be about that were made when the setting was a longer one.
        self._tell_ended_for = max(access_token_lifetime, 3600) + _MARGIN
        self._reads = JointReads(self._load_all)

    async def access(self, user_id: str) -> Access:
        """What the user may do. Raises TokenInvalid if there is no such user: only a credential could have named it."""
        return await self._cache.get(user_id, lambda: self._load(user_id))

    async def role(self, project_id: str, user_id: str) -> Role | None:
        """The user's role; None for no member, and for a project that isn't there."""
        access = await self._access_in_call(user_id)
        return access.roles.get(project_id.lower())

    async def roles(self) -> dict[str, Role]:
        """The caller's roles, by project."""
        access = await self._access_in_call(caller().user_id)
        return dict(access.roles)

    async def require(self, project_id: str, role: Role) -> Role:
        """The caller's role. Raises ProjectNotFound if there is none, RoleTooLow if it doesn't suffice."""
        found = await self.role(project_id, caller().user_id)
        if found is None:
            raise project_not_found(project_id)
        require_role(found, role)
        return found

    async def changed(self, user_ids: Collection[str]) -> None:
        """After a commit that changed these users' access, before its answer: their next calls see it, wherever."""
        await self._cache.drop(user_ids)

    async def _access_in_call(self, user_id: str) -> Access:
        match current_call.get().caller:
            case Authenticated(user_id=same, access=Access() as access) if same == user_id:
                return access  # read when this call began: one look a call is enough
        return await self.access(user_id)

    async def _load(self, user_id: str) -> Access:
        access = await self._reads.get(user_id)
        if access is None:
            raise TokenInvalid("The token names a user that isn't there.")
        return access

    async def _load_all(self, user_ids: Collection[str]) -> dict[str, Access]:
        rows = await self._pool.fetch(SQL["list_access"], user_ids, self._tell_ended_for)
        return {access.user_id: access for access in map(_access_from_row, rows)}


def _access_from_row(row: asyncpg.Record) -> Access:
    return Access(
        user_id=str(row["id"]),
        version=row["access_version"],
        roles={project: Role(role) for project, role in row["roles"].items()},
        ended_sessions=frozenset(map(str, row["ended_sessions"])),
        grants={
            token: Grant(bytes.fromhex(digest), frozenset(scopes), expire_time)
            for token, (digest, scopes, expire_time) in row["grants"].items()
        },
    )


def project_not_found(project_id: object) -> ProjectNotFound:
    """The error for a project that isn't there, or isn't the caller's to see."""
    return ProjectNotFound(f"There is no project {project_id} that you are a member of.")


def require_role(has: Role, needs: Role) -> None:
    """Raises RoleTooLow if the one doesn't include the other."""
    if has < needs:
        raise RoleTooLow(
            f"This takes the role {needs.name} in the project; yours is {has.name}.",
            metadata={"role": has.name, "needed": needs.name},
        )
