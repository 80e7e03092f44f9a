"""The newest end of the event stream, followed once a process: each event in order, none left out, none twice.

An ephemeral push consumer brings the events. Whatever may go wrong with one (the server restarts, a message is
dropped, the connection breaks, nothing is heard) has one remedy: a new consumer from the next sequence on. nats-py's
ordered consumer isn't used: its attempt to make a new one is made once, and may fail.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from prometheus_client import Gauge

from chassis.errors import CursorTooOld, Unavailable
from chassis.jetstream import STREAM, Bus
from notifysvc.cursor import Cursor
from notifysvc.entry import Entry
from notifysvc.event_log import EventLog, entry_of, place_of

HEARTBEAT: Final = 1.0
_PATIENCE: Final = 2.5 * HEARTBEAT
_LOOK: Final = 0.25
"""Seconds between two looks at whether the connection is still the same."""

_POSITION = Gauge("taskbell_feed_position", "The stream sequence up to which this replica has seen the events.")
_log = structlog.get_logger("notifysvc.tail")


class Audience(Protocol):
    """Who is told what comes. Must not wait: the next event stands behind."""

    def hear(self, entry: Entry) -> None:
        """The next event."""

    def interrupted(self) -> None:
        """What comes next won't follow on what came before: events are lost, or the stream is another one."""


class Tail:
    """Follows the stream for one audience."""

    def __init__(self, bus: Bus, log: EventLog) -> None:
        self._bus = bus
        self._log = log
        self._position: Cursor | None = None
        self._started = asyncio.Event()

    @property
    def position(self) -> Cursor:
        """Up to where the audience has been told. Raises Unavailable until the stream is reached first."""
        if self._position is None:
            raise Unavailable("The event bus can't be reached just now.", retry_after=1)
        return self._position

    async def started(self) -> None:
        """Returns once there is a position."""
        await self._started.wait()

    async def follow(self, audience: Audience) -> None:
        """Tells the audience of each event as it comes, until cancelled."""
        while True:
            try:
                await self._bus.ready()
                await self._settle(audience)
                await self._listen(audience.hear)
            except (nats.errors.Error, OSError, Unavailable) as error:
                _log.warning("events don't come just now", error=repr(error))
                await asyncio.sleep(_LOOK)

    async def _settle(self, audience: Audience) -> None:
        """Finds the place to go on from."""
        here = self._position
        if here is not None:
            try:
                await self._log.check(here)
            except CursorTooOld:
                pass
            else:
                return
        bounds = await self._log.bounds()
        end = await self._log.cursor_at(bounds)
        if here is not None:
            _log.error("events are lost", after=here.sequence, first=bounds.first, last=bounds.last)
            audience.interrupted()
        self.advance(end)
        self._started.set()

    async def _listen(self, hear: Callable[[Entry], None]) -> None:
        """Returns as soon as this consumer can't be trusted to bring the next event."""
        client = self._bus.client
        inbox = client.new_inbox()
        reader = _Reader(self, client, hear)
        subscription = await client.subscribe(inbox, cb=reader.receive)
        try:
            config = ConsumerConfig(
                deliver_subject=inbox,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=self.position.sequence + 1,
                ack_policy=AckPolicy.NONE,
                max_deliver=1,
                flow_control=True,
                idle_heartbeat=HEARTBEAT,
                inactive_threshold=10 * HEARTBEAT,
                mem_storage=True,
                num_replicas=1,
            )
            await self._bus.jetstream.add_consumer(STREAM, config)
            connection = client.stats["reconnects"]
            while reader.trusted and client.is_connected and client.stats["reconnects"] == connection:
                try:
                    async with asyncio.timeout(_LOOK):
                        await reader.broken.wait()
                except TimeoutError:
                    continue
        finally:
            reader.broken.set()
            if not client.is_closed:
                await subscription.unsubscribe()

    def advance(self, position: Cursor) -> None:
        """Notes that the audience has been told."""
        self._position = position
        _POSITION.set(position.sequence)


class _Reader:
    """Takes one consumer's messages, and stops at the first sign that one is missing."""

    def __init__(self, tail: Tail, client: Client, hear: Callable[[Entry], None]) -> None:
        self._tail = tail
        self._client = client
        self._hear = hear
        self._count = 0
        self._heard = time.monotonic()
        self.broken = asyncio.Event()

    @property
    def trusted(self) -> bool:
        return not self.broken.is_set() and time.monotonic() - self._heard < _PATIENCE

    async def receive(self, message: Msg) -> None:
        if self.broken.is_set():
            return
        self._heard = time.monotonic()
        headers = message.headers or {}
        if headers.get("Status") == "100":
            await self._control(message, headers)
            return
        sequence, count, _ = place_of(message)
        if count != self._count + 1:
            self.broken.set()
            return
        self._count = count
        here = self._tail.position
        if sequence <= here.sequence:
            return
        entry = entry_of(message, here.stream)
        if entry is None:
            self._tail.advance(Cursor(here.stream, sequence))
            return
        # Heard and noted without a wait in between: a subscriber joins before the event or after it.
        self._hear(entry)
        self._tail.advance(entry.cursor)

    async def _control(self, message: Msg, headers: dict[str, str]) -> None:
        if answer := message.reply or headers.get("Nats-Consumer-Stalled"):
            await self._client.publish(answer)
        if int(headers.get("Nats-Last-Consumer", self._count)) != self._count:
            self.broken.set()
