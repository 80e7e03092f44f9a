"""What tasksvc keeps in the cache: tasks, and what each user may do. Always as new as the last acknowledged write."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from contextvars import ContextVar
from typing import Final

from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest, Task

from chassis.caller import current_call
from tasksvc.access import Access
from tasksvc.trusted_cache import TrustedCache, TrustedLook

_REMEMBERED: Final = 4096
_UUID: Final = 36
_NOTHING: Final[tuple[str, TrustedLook | None]] = ("", None)
_foreseen: ContextVar[tuple[str, TrustedLook | None]] = ContextVar("foreseen", default=_NOTHING)


class TaskCache:
    """Tasks by id, deleted ones too, as they go out."""

    def __init__(self, cache: TrustedCache) -> None:
        self._cache = cache

    def foresee(self) -> None:
        """Asks for the task that the call at hand is about to get, while its caller is still looked at."""
        match current_call.get().request:
            case GetTaskRequest(id=task_id) if len(task_id) == _UUID:
                _foreseen.set((task_id, self._look(task_id)))

    async def get(self, task_id: str, load: Callable[[], Awaitable[Task | None]]) -> Task | None:
        """The task, or what `load` reads from the database; None if there never was one."""
        of, look = _foreseen.get()
        if look is None or of != task_id:
            look = self._look(task_id)
        _foreseen.set(_NOTHING)
        found = await look.found()
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

    def _look(self, task_id: str) -> TrustedLook:
        return self._cache.look("task", task_id.lower())  # UUIDs are asked for in any case, and kept in one


class AccessCache:
    """Access by user id."""

    def __init__(self, cache: TrustedCache, foresee: Callable[[], None]) -> None:
        """`foresee` asks for what is wanted next, in the same write."""
        self._cache = cache
        self._foresee = foresee
        self._decoded: dict[bytes, Access] = {}

    async def get(self, user_id: str, load: Callable[[], Awaitable[Access]]) -> Access:
        """The user's access, or what `load` reads from the database."""
        self._foresee()
        found = await self._cache.look("access", user_id).found()
        if found.hit and found.entry is not None:
            return self._decode(found.entry)
        access = await load()
        found.fill(access.version, access.to_bytes())
        return access

    async def drop(self, user_ids: Collection[str]) -> None:
        """After a commit that changed their memberships or credentials, before its answer."""
        await self._cache.drop("access", user_ids)

    def _decode(self, entry: bytes) -> Access:
        access = self._decoded.get(entry)
        if access is None:
            if len(self._decoded) >= _REMEMBERED:
                self._decoded.clear()
            access = self._decoded[entry] = Access.from_bytes(entry)
        return access
