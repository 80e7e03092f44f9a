"""What tasksvc keeps in the cache: tasks, and what each user may do. Always as new as the last acknowledged write."""

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from taskbell.tasks.v1.tasks_pb2 import Task

from tasksvc.trusted_cache import TrustedCache

_REMEMBERED: Final = 4096


class TaskCache:
    """Tasks by id, deleted ones too, as they go out."""

    def __init__(self, cache: TrustedCache) -> None:
        self._cache = cache

    async def get(self, task_id: str, load: Callable[[], Awaitable[Task | None]]) -> Task | None:
        """The task, or what `load` reads from the database; None if there never was one."""
        found = await self._cache.look("task", task_id)
        if found.hit:
            return None if found.entry is None else Task.FromString(found.entry)
        task = await load()
        if task is None:
            found.fill(0, None)
        else:
            found.fill(task.version, task.SerializeToString())
        return task

    async def put(self, tasks: Iterable[Task]) -> None:
        """After the commit that made these versions, before the answer (also of deleted ones, also on a replay)."""
        await self._cache.renew("task", {task.id: (task.version, task.SerializeToString()) for task in tasks})


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token that holds."""

    id: str
    scopes: frozenset[str]
    expire_time: float | None
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a user's credentials are worth, and where the user may do what."""

    roles: Mapping[str, int] = field(default_factory=dict)
    """Member.Role by project id, of projects that aren't deleted."""
    ended_sessions: frozenset[str] = frozenset()
    """The sessions that ended while one of their access tokens may still run."""
    tokens: Mapping[str, ApiToken] = field(default_factory=dict)
    """The API tokens that hold, by whatever identifies a token that was shown."""

    def encode(self) -> bytes:
        """The cache's form."""
        tokens = {name: [token.id, sorted(token.scopes), token.expire_time] for name, token in self.tokens.items()}
        return json.dumps([dict(self.roles), sorted(self.ended_sessions), tokens], separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Access":
        """The opposite of encode."""
        roles, ended, tokens = json.loads(data)
        return cls(
            roles=roles,
            ended_sessions=frozenset(ended),
            tokens={
                name: ApiToken(token_id, frozenset(scopes), until) for name, (token_id, scopes, until) in tokens.items()
            },
        )


class AccessCache:
    """Access by user id."""

    def __init__(self, cache: TrustedCache) -> None:
        self._cache = cache
        self._decoded: dict[bytes, Access] = {}

    async def get(self, user_id: str, load: Callable[[], Awaitable[Access]]) -> Access:
        """The user's access, or what `load` reads from the database."""
        found = await self._cache.look("access", user_id)
        if found.hit and found.entry is not None:
            return self._decode(found.entry)
        access = await load()
        found.fill(0, access.encode())
        return access

    async def drop(self, user_ids: Collection[str]) -> None:
        """After a commit that changed their memberships or credentials, before its answer."""
        await self._cache.drop("access", user_ids)

    def _decode(self, entry: bytes) -> Access:
        access = self._decoded.get(entry)
        if access is None:
            if len(self._decoded) >= _REMEMBERED:
                self._decoded.clear()
            access = self._decoded[entry] = Access.decode(entry)
        return access
