"""Reads of one thing each, made together: who comes while a statement is under way shares the next one.

A round trip costs far more than a row does, so a busy process asks for many at once, and an idle one waits for nobody.
No read is answered by a statement that began before it, so none is older than it would be by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class JointReads(Generic[T]):
    """What `load` reads by keys, for callers that want one each. For quick statements: one is under way at a time."""

    def __init__(self, load: Callable[[Collection[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._load = load
        self._waiting: list[tuple[str, asyncio.Future[T | None]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key: str) -> T | None:
        """What is there by this key, or None. Raises what `load` raises."""
        future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._reading is None:
            # None of the caller's: it may be cancelled while others wait for the same statement.
            self._reading = asyncio.create_task(self._read())
        return await future

    async def _read(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting, []
                try:
                    found = await self._load({key for key, _ in together})
                except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who asked
                    for _, future in together:
                        if not future.done():
                            future.set_exception(error)
                else:
                    for key, future in together:
                        if not future.done():
                            future.set_result(found.get(key))
        finally:
            self._reading = None
