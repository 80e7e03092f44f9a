"""What a user may do at this moment: roles in projects, which sessions have ended, which API tokens hold."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from chassis.caller import Caller


class Role(IntEnum):
    """What a member may do; each may do what those below it may. The numbers are those of `Member.Role`."""

    VIEWER = 1
    EDITOR = 2
    OWNER = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """An API token that wasn't revoked."""

    hash: bytes
    scopes: frozenset[str]
    expire_time: float | None
    """Seconds since 1970; None: never."""


@dataclass(frozen=True, slots=True)
class Access:
    """One version of what a user may do."""

    user_id: str
    version: int
    roles: Mapping[str, Role]
    """By project, of projects that are there."""
    ended_sessions: frozenset[str]
    """Those that ended while access tokens of theirs may still be about."""
    grants: Mapping[str, Grant]
    """By API token."""

    @classmethod
    def from_bytes(cls, entry: bytes) -> Self:
        """The access that `to_bytes` wrote."""
        user_id, version, roles, ended, grants = json.loads(entry)
        return cls(
            user_id,
            version,
            {project: Role(role) for project, role in roles.items()},
            frozenset(ended),
            {
                token: Grant(bytes.fromhex(digest), frozenset(scopes), expire_time)
                for token, (digest, scopes, expire_time) in grants.items()
            },
        )

    def to_bytes(self) -> bytes:
        """As it is kept in the cache."""
        grants: dict[str, Any] = {
            token: (grant.hash.hex(), sorted(grant.scopes), grant.expire_time) for token, grant in self.grants.items()
        }
        entry = (self.user_id, self.version, self.roles, sorted(self.ended_sessions), grants)
        return json.dumps(entry, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Authenticated(Caller):
    """A caller, and what the caller may do as of the call's beginning."""

    access: Access | None = None
    expire_time: float | None = None
    """When the credential ends by itself, in seconds since 1970."""
