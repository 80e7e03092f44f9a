"""What devices say they have seen: the newest acknowledgement of each, written every second or so.

A subscription acknowledges what came on it, from where it began; so what is kept is a stretch of the stream. One that
went on from a cursor makes the stretch longer. Subscriptions with a filter are left out: of what they didn't bring,
nobody can say that it was seen.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog

from chassis.errors import ServiceError
from chassis.postgres import Pool
from notifysvc.cursor import Cursor
from notifysvc.interest import Interest
from notifysvc.statements import SQL

_EVERY: Final = 1.0
_MOST_WAITING: Final = 10_000

_log = structlog.get_logger("notifysvc.acks")


@dataclass(frozen=True, slots=True)
class Device:
    """Where a person listens."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A device that acknowledged an event, and when."""

    device: Device
    time: datetime


@dataclass(frozen=True, slots=True)
class _Key:
    device: Device
    project: str
    inbox: bool


@dataclass(frozen=True, slots=True)
class _Stretch:
    after: int
    cursor: Cursor
    time: datetime


class Acks:
    """A worker: writes what was acknowledged."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[_Key, _Stretch] = {}

    def note(self, device: Device, interest: Interest, after: Cursor, seen: Cursor) -> None:
        """Everything of the interest after the one cursor and up to the other was seen."""
        if interest.filter is not None:
            return
        key = _Key(device, interest.project, interest.inbox)
        stretch = _Stretch(after.sequence, seen, datetime.now(UTC))
        if known := self._waiting.get(key):
            self._waiting[key] = _joined(known, stretch)
        elif len(self._waiting) < _MOST_WAITING:  # the database may be away: these are told again with the next events
            self._waiting[key] = stretch

    async def of(self, cursor: Cursor, project: str, people: Collection[str], *, inbox: bool) -> list[Seen]:
        """The devices of these people that acknowledged the event at the cursor, in the order of time.

        `inbox`: whether their inboxes got it, so that listening to the inbox alone brought it.
        """
        rows = await self._pool.fetch(
            SQL["list_acks"], [UUID(each) for each in people], cursor.stream, cursor.sequence, UUID(project), inbox
        )
        return [Seen(Device(str(row["user_id"]), row["device"]), row["time"]) for row in rows]

    async def run(self, stopping: asyncio.Event) -> None:
        """Writes until the process ends, and then what is left."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await stopping.wait()
            await self.write()

    async def write(self) -> None:
        """Writes what was noted."""
        if not self._waiting:
            return
        noted, self._waiting = self._waiting, {}
        rows = [
            (
                UUID(key.device.user_id),
                key.device.name,
                UUID(key.project) if key.project else None,
                key.inbox,
                stretch.cursor.stream,
                stretch.after,
                stretch.cursor.sequence,
                stretch.time,
            )
            for key, stretch in noted.items()
        ]
        try:
            await self._pool.execute(SQL["keep_acks"], *(list(column) for column in zip(*rows, strict=True)))
        except ServiceError as error:
            _log.warning("acknowledgements not written yet", error=repr(error))
            self._waiting = noted | self._waiting


def _joined(known: _Stretch, new: _Stretch) -> _Stretch:
    if known.cursor.stream != new.cursor.stream or new.after > known.cursor.sequence:
        return new
    if new.cursor.sequence <= known.cursor.sequence:
        return known
    return replace(new, after=min(known.after, new.after))
