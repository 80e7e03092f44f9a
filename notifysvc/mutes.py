"""What people don't want in their inbox, as the streams need it that follow one: known without asking.

The inbox itself is decided with each notification. A stream hears of events beside that, and takes what holds now.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from chassis.errors import ServiceError
from chassis.joint_reads import JointReads
from chassis.postgres import Pool
from notifysvc.concerned import Reason
from notifysvc.preference_store import DEFAULTS, preferences_of
from notifysvc.preferences import REASONS

_EVERY: Final = 2.0
_log = structlog.get_logger("notifysvc.mutes")


class Muted:
    """What one person doesn't want, at this moment."""

    __slots__ = ("__weakref__", "read", "reasons")

    def __init__(self) -> None:
        self.reasons: frozenset[Reason] = frozenset()
        self.read = False
        """Whether it has been: until then, nobody goes by it."""


class Mutes:
    """Everybody's who follows an inbox here. A worker: hears of changes within two seconds, of its own at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: WeakValueDictionary[UUID, Muted] = WeakValueDictionary()
        self._reads: JointReads[None] = JointReads(self._read_anew)

    async def of(self, user_id: str) -> Muted:
        """What this person doesn't want: up to date for as long as somebody holds it."""
        person = UUID(user_id)
        muted = self._known.setdefault(person, Muted())
        if not muted.read:
            await self._reads.get(user_id)
        return muted

    async def changed(self, user_id: str) -> None:
        """The person has said something else."""
        if UUID(user_id) in self._known:
            await self._read([UUID(user_id)])

    async def run(self, stopping: asyncio.Event) -> None:
        """Reads again what other replicas may have changed."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await stopping.wait()
            try:
                await self._read(list(self._known))
            except ServiceError as error:
                _log.warning("preferences not read", error=repr(error))

    async def _read_anew(self, user_ids: Collection[str]) -> dict[str, None]:
        await self._read(list(map(UUID, user_ids)))
        return {}

    async def _read(self, people: Collection[UUID]) -> None:
        if not people:
            return
        preferences = await preferences_of(self._pool, people)
        for person in people:
            if muted := self._known.get(person):
                said = preferences.get(person, DEFAULTS)
                muted.reasons = frozenset(reason for reason in REASONS if not said.rule(reason).inbox)
                muted.read = True
