"""Reads of one thing each, made together: who comes while as many as may be are under way shares the next one.

A round trip costs far more than a row does, so a busy process asks for many at once, and an idle one waits for nobody.
No read is answered by a statement that began before it, so none is older than it would be by itself.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class JointReads(Generic[T]):
    """What `load` reads by keys, for callers that want one each: `at_once` statements at most, of `most` keys each."""

    def __init__(
        self,
        load: Callable[[Collection[str]], Awaitable[Mapping[str, T]]],
        *,
        at_once: int = 1,
        most: int = sys.maxsize,
    ) -> None:
        self._load = load
        self._at_once = at_once
        self._most = most
        self._waiting: dict[str, list[asyncio.Future[T | None]]] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> T | None:
        """What is there by this key, or None. Raises what `load` raises."""
        future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if len(self._reading) < self._at_once:
            self._begin()
        return await future

    def _begin(self) -> None:
        # None of the caller's: it may be cancelled while others wait for the same statement.
        reading = asyncio.create_task(self._read())
        self._reading.add(reading)
        reading.add_done_callback(self._ended)

    def _ended(self, reading: asyncio.Task[None]) -> None:
        self._reading.discard(reading)
        if self._waiting:
            self._begin()

    async def _read(self) -> None:
        together = {key: self._waiting.pop(key) for key in list(islice(self._waiting, self._most))}
        if not together:
            return  # those who came in the same moment were taken along
        try:
            found = await self._load(together.keys())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who asked
            for future in _waiting(together.values()):
                future.set_exception(error)
            return
        for key, futures in together.items():
            for future in _waiting([futures]):
                future.set_result(found.get(key))


def _waiting(asked: Collection[list[asyncio.Future[T | None]]]) -> list[asyncio.Future[T | None]]:
    """Those who have not given up."""
    return [future for futures in asked for future in futures if not future.done()]
