"""Tells every replica that somebody's inbox changed, so that their open streams learn the new count of unread.

Only the fact is told, by core NATS, and each stream then asks the database: counts that overtake each other can't be
shown. Who was not heard because NATS was away is made up for when it is back.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from uuid import uuid4

import nats.errors
from nats.aio.msg import Msg

from chassis.jetstream import Bus

_SUBJECT: Final = "taskbell.inbox."
_LOOK: Final = 0.25


class Bell:
    """A worker: hears the other replicas."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._name = uuid4().bytes
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def ring(self, user_ids: Iterable[str]) -> None:
        """These inboxes changed."""
        for user_id in user_ids:
            self._hear(user_id)
            await self._bus.tell(_SUBJECT + user_id, self._name)

    @contextmanager
    def listen(self, user_id: str, changed: asyncio.Event) -> Iterator[None]:
        """Sets the event whenever the user's inbox changes; whoever waits clears it."""
        self._listeners[user_id].add(changed)
        try:
            yield
        finally:
            self._listeners[user_id].discard(changed)
            if not self._listeners[user_id]:
                del self._listeners[user_id]

    async def run(self, stopping: asyncio.Event) -> None:
        """Hears what other replicas tell."""
        client = self._bus.client
        heard_on = None
        while not stopping.is_set():
            with suppress(nats.errors.Error, OSError):
                connection = client.stats["reconnects"]
                if client.is_connected and heard_on != connection:
                    if heard_on is None:
                        await client.subscribe(_SUBJECT + "*", cb=self._receive)
                    await client.flush()
                    heard_on = connection
                    for user_id in self._listeners:
                        self._hear(user_id)  # what was told before this moment wasn't heard here
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await stopping.wait()

    async def _receive(self, message: Msg) -> None:
        if message.data != self._name:  # heard before it was told to the others
            self._hear(message.subject.removeprefix(_SUBJECT))

    def _hear(self, user_id: str) -> None:
        for changed in self._listeners.get(user_id, ()):
            changed.set()
