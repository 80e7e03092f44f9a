"""Keeps up the leases of this replica's Work streams and handlers: all together, three times in the time of a lease."""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from typing import Final, Protocol

import structlog

from chassis.errors import ServiceError
from tasksvc.lease_store import LeaseStore

_BEATS: Final = 3
_SOONER: Final = 4
"""So much sooner comes the next one after one that failed."""
_TICK: Final = 0.1
_log = structlog.get_logger("tasksvc.heartbeats")


class Stream(Protocol):
    """Who holds leases."""

    @property
    def duration(self) -> float:
        """How long they last, in seconds."""

    @property
    def held(self) -> Collection[str]:
        """Which."""

    def lost(self, lease_ids: Collection[str]) -> None:
        """These hold no more."""


class Heartbeats:
    """A worker."""

    def __init__(self, leases: LeaseStore) -> None:
        self._leases = leases
        self._next: dict[Stream, float] = {}

    def begin(self, stream: Stream) -> None:
        """Looks after the leases of the stream from now on."""
        self._next[stream] = asyncio.get_running_loop().time() + stream.duration / _BEATS

    def soon(self, stream: Stream) -> None:
        """Something may have happened to its leases: beats for it with the next tick."""
        if stream in self._next:
            self._next[stream] = 0

    def end(self, stream: Stream) -> None:
        """No longer."""
        self._next.pop(stream, None)

    async def run(self, stopping: asyncio.Event) -> None:
        """Beats until told to stop and the last stream has left."""
        while self._next or not stopping.is_set():
            now = asyncio.get_running_loop().time()
            due: defaultdict[float, list[Stream]] = defaultdict(list)
            for stream, time in self._next.items():
                if time <= now:
                    due[stream.duration].append(stream)
            async with asyncio.TaskGroup() as beats:
                for duration, streams in due.items():
                    beats.create_task(self._beat(streams, duration))
            await self._tick(stopping)

    async def _beat(self, streams: Collection[Stream], duration: float) -> None:
        pause = duration / _BEATS
        asked = {stream: list(stream.held) for stream in streams}
        begun = asyncio.get_running_loop().time()
        # Beforehand: what is to be looked at soon from now on, is looked at after this.
        self._next |= dict.fromkeys(self._next.keys() & set(streams), begun + pause)
        try:
            async with asyncio.timeout(pause):
                held = await self._hold([lease for leases in asked.values() for lease in leases], duration)
        except (ServiceError, TimeoutError) as error:
            _log.warning("leases not kept up", streams=len(streams), error=repr(error))
            for stream in streams:
                if stream in self._next:
                    self._next[stream] = min(self._next[stream], begun + pause / _SOONER)
        else:
            for stream, leases in asked.items():
                if gone := [lease for lease in leases if lease not in held]:
                    stream.lost(gone)

    async def _hold(self, lease_ids: Collection[str], duration: float) -> set[str]:
        return await self._leases.hold(lease_ids, duration) if lease_ids else set()

    async def _tick(self, stopping: asyncio.Event) -> None:
        if stopping.is_set():
            await asyncio.sleep(_TICK)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _TICK)
