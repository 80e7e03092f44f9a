"""The event stream as something to read from any place: what it holds, and what comes after a cursor."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zlib import crc32

import nats.errors
import structlog
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from taskbell.events.v1.events_pb2 import Event

from chassis.errors import CursorTooOld, Unavailable
from chassis.jetstream import STREAM, Bus
from notifysvc.cursor import Cursor, trace_of
from notifysvc.entry import Entry
from notifysvc.pull import Pull

CHUNK: Final = 64
"""Events read ahead for one reader at most."""
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_PATIENCE: Final = 5.0
_FORGOTTEN: Final = 60.0
"""Seconds after which the server drops the consumer of a reader that went without a word."""

_log = structlog.get_logger("notifysvc.event_log")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the stream holds at a moment; empty when `first` is beyond `last`."""

    stream: int
    first: int
    last: int


class EventLog:
    """Reads the stream on the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def bounds(self) -> Bounds:
        """What the stream holds now."""
        try:
            info = await self._bus.jetstream.stream_info(STREAM)
        except (nats.errors.Error, OSError) as error:
            raise _unreachable() from error
        # The moment at which it was made tells a stream from another one of the same name.
        return Bounds(crc32(str(info.created).encode()), info.state.first_seq, info.state.last_seq)

    async def cursor_at(self, bounds: Bounds) -> Cursor:
        """The cursor of the newest event."""
        return Cursor(bounds.stream, bounds.last, await self._trace_at(bounds.last) if bounds.last else 0)

    async def cursor_before(self, time: datetime) -> Cursor:
        """The cursor after which everything comes that reached the stream at this time or later.

        Raises CursorTooOld if something of it may be gone.
        """
        bounds = await self.bounds()
        try:
            if bounds.first > 1:
                oldest = await self._bus.jetstream.get_msg(STREAM, seq=bounds.first)
                if oldest.time is None or oldest.time > time:
                    raise too_old()
            # Where a consumer would begin, the server finds without reading.
            config = ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_TIME,
                opt_start_time=time,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=_PATIENCE,
                mem_storage=True,
                num_replicas=1,
            )
            info = await self._bus.jetstream.add_consumer(STREAM, config)
            await self._bus.jetstream.delete_consumer(STREAM, info.name)
        except NotFoundError:
            raise too_old() from None  # the oldest went just now
        except (nats.errors.Error, OSError) as error:
            raise _unreachable() from error
        return Cursor(bounds.stream, info.delivered.stream_seq if info.delivered else bounds.last)

    async def cursor_of(self, event_id: str, sequence: int) -> Cursor | None:
        """The cursor of an event that was published with this sequence; None if the stream has it there no more."""
        stored = await self._bus.at(sequence)
        if stored is None or stored.event_id != event_id:
            return None
        return Cursor((await self.bounds()).stream, sequence, await self._trace_at(sequence))

    async def check(self, cursor: Cursor) -> None:
        """Raises CursorTooOld if what came after isn't all there: also if it is of a stream before this one."""
        bounds = await self.bounds()
        lost = cursor.stream != bounds.stream or cursor.sequence > bounds.last or cursor.sequence + 1 < bounds.first
        if not lost and cursor.trace and cursor.sequence >= bounds.first:
            trace = await self._trace_at(cursor.sequence)
            lost = trace not in (0, cursor.trace)
        if lost:
            raise too_old()

    async def read(self, after: Cursor, subjects: Sequence[str]) -> AsyncGenerator[list[Entry]]:
        """What the stream holds after the cursor under these subjects, oldest first, up to its end now.

        Raises what `check` raises, also when events go away while they are read.
        """
        await self.check(after)
        async with self._consumer(after.sequence, subjects) as (pull, pending):
            waiting = pending
            while waiting > 0:
                messages = await pull.take(_PATIENCE)
                if not messages:
                    raise Unavailable("The event bus does not answer just now.")
                if (await self.bounds()).first > after.sequence + 1:
                    raise too_old()  # it went while we read
                waiting = min(waiting - len(messages), messages[-1].metadata.num_pending)
                entries = [entry for message in messages if (entry := entry_of(message, after.stream))]
                if entries:
                    after = entries[-1].cursor
                    yield entries

    @asynccontextmanager
    async def _consumer(self, after: int, subjects: Sequence[str]) -> AsyncIterator[tuple[Pull, int]]:
        """A consumer that lives as long as the reading, and how many messages wait in it."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            filter_subjects=list(subjects) or None,
            inactive_threshold=_FORGOTTEN,
            mem_storage=True,
            num_replicas=1,
        )
        jetstream = self._bus.jetstream
        try:
            info = await jetstream.add_consumer(STREAM, config)
            try:
                async with Pull(self._bus.client, info.name, CHUNK, acknowledges=False) as pull:
                    yield pull, info.num_pending or 0
            finally:
                with suppress(nats.errors.Error, OSError):
                    await jetstream.delete_consumer(STREAM, info.name)
        except (nats.errors.Error, OSError) as error:
            raise _unreachable() from error

    async def _trace_at(self, sequence: int) -> int:
        try:
            message = await self._bus.jetstream.get_msg(STREAM, seq=sequence)
        except NotFoundError:
            return 0
        except (nats.errors.Error, OSError) as error:
            raise _unreachable() from error
        try:
            event_id = Event.FromString(message.data or b"").event_id
        except DecodeError:
            return 0
        return trace_of(event_id, ((message.time or _EPOCH) - _EPOCH) // timedelta(microseconds=1))


def entry_of(message: Msg, stream: int) -> Entry | None:
    """The event that a message carries, with its cursor; None, and a line in the log, if it carries none."""
    sequence, _, stored = place_of(message)
    try:
        return Entry.of(stream, sequence, stored, message.data)
    except DecodeError:
        _log.error("no event in the stream", sequence=sequence, subject=message.subject)
        return None


def place_of(message: Msg) -> tuple[int, int, int]:
    """The message's sequence in the stream and in the consumer, and when it was stored, in microseconds."""
    parts = message.reply.split(".")
    # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<nanoseconds>..., with domain and
    # account before in the longer form.
    at = 5 if len(parts) == 9 else 7  # noqa: PLR2004 - the parts of the short form
    return int(parts[at]), int(parts[at + 1]), int(parts[at + 2]) // 1000


def too_old() -> CursorTooOld:
    """Tells that events are missing after a cursor."""
    return CursorTooOld("Events after this cursor are no longer kept: list the tasks again, then go on from now.")


def _unreachable() -> Unavailable:
    return Unavailable("The event bus can't be reached just now.")
