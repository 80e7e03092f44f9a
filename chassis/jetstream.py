"""The event bus: one NATS connection a process, and the JetStream stream that every committed change is published to.

`connect` does not wait for a server: a service starts without its bus, `ready()` waits for it, and a connection that is
lost is sought for ever. Whatever NATS does in between is `Unavailable`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, Header, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from chassis.errors import Unavailable

STREAM: Final = "TASKBELL_EVENTS"
SUBJECTS: Final = "taskbell.events.>"
MAX_AGE: Final = 7 * 24 * 3600.0
"""Seconds for which events can be read again."""

EVENT_ID: Final = "Taskbell-Event-Id"
"""Not Nats-Msg-Id: the server would refuse to take an event again that it had taken, and lost, a moment ago."""
EXPECTED_LAST_SUBJECT_SEQUENCE: Final = "Nats-Expected-Last-Subject-Sequence"
TRACEPARENT: Final = "traceparent"
_WRONG_LAST_SEQUENCE: Final = {10071, 10164}
_PUBLISH_TIMEOUT: Final = 2.0
_RETRY: Final = 0.25

_log = structlog.get_logger("chassis.jetstream")


def task_subject(project_id: str, task_id: str) -> str:
    """Where a task's events go."""
    return f"taskbell.events.task.{project_id}.{task_id}"


def member_subject(project_id: str, user_id: str) -> str:
    """Where the events of a membership go."""
    return f"taskbell.events.member.{project_id}.{user_id}"


def credential_subject(user_id: str, credential_id: str) -> str:
    """Where the end of a session or of an API token is told."""
    return f"taskbell.events.credential.{user_id}.{credential_id}"


def account_subject(user_id: str) -> str:
    """Where a user's account is told of, to nobody but the user."""
    return f"taskbell.events.account.{user_id}"


class WrongLastSequence(Exception):
    """The subject's last message isn't the one the publisher thought: somebody else published, or we did and forgot."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the stream holds it."""

    sequence: int
    event_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """What the stream holds: the sequences from `first` to `last`, except for `missing` in between.

    Of an empty stream, the first is beyond the last.
    """

    first: int
    last: int
    missing: int


class Bus:
    """The connection and the stream. `client` is there for core NATS, `jetstream` for consumers."""

    def __init__(self, url: str, replicas: int) -> None:
        self._url = url
        self._replicas = replicas
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self.meetings = 0
        """How often the stream was met: after a new meeting it may be another one, or have lost its end."""
        self.client = Client()
        self.jetstream: JetStreamContext = self.client.jetstream(timeout=_PUBLISH_TIMEOUT)

    @property
    def connected(self) -> bool:
        """Whether the stream can be reached, as far as this process knows."""
        return self._ready.is_set() and self.client.is_connected

    async def ready(self) -> None:
        """Returns once the server is reached and the stream is there."""
        while not self.connected:
            self._ready.clear()
            self._changed.set()
            await self._ready.wait()

    async def declare(self) -> None:
        """Makes the stream, or brings its settings up to these."""
        config = StreamConfig(
            name=STREAM,
            subjects=[SUBJECTS],
            storage=StorageType.FILE,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            max_age=MAX_AGE,
            allow_direct=True,
            num_replicas=self._replicas,
        )
        try:
            await self.jetstream.update_stream(config)
        except NotFoundError:
            await self.jetstream.add_stream(config)

    async def remove(self) -> None:
        """Removes the stream with all that it holds, and its consumers."""
        with _translated():
            await self.jetstream.delete_stream(STREAM)

    async def publish(self, subject: str, data: bytes, *, event_id: str, after: int, traceparent: str = "") -> int:
        """Appends an event to the stream and returns its sequence, once the server has stored it.

        `after` is the sequence of the subject's last message, 0 if there is none; otherwise WrongLastSequence.
        `traceparent` is of the publishing itself.
        """
        headers = {EVENT_ID: event_id, EXPECTED_LAST_SUBJECT_SEQUENCE: str(after)}
        if traceparent:
            headers[TRACEPARENT] = traceparent
        with _translated():
            try:
                # Not JetStreamContext.publish_async: when the server refuses, its future is never told.
                answer = json.loads((await self.client.request(subject, data, _PUBLISH_TIMEOUT, headers=headers)).data)
            except nats.errors.NoRespondersError:
                self._lost()  # the stream is gone: it is declared again
                raise
        if refusal := answer.get("error"):
            if refusal.get("err_code") in _WRONG_LAST_SEQUENCE:
                raise WrongLastSequence(refusal.get("description"))
            raise Unavailable(f"The event bus refuses events: {refusal.get('description')}")
        return int(answer["seq"])

    async def extent(self) -> Extent:
        """What the stream holds now."""
        with _translated():
            try:
                state = (await self.jetstream.stream_info(STREAM)).state
            except NotFoundError:
                self._lost()  # it is declared again
                raise
        return Extent(state.first_seq, state.last_seq, state.num_deleted or 0)

    async def missing(self) -> list[tuple[int, int]]:
        """The sequences between the first and the last that the stream holds no more, as ranges: from and to."""
        with _translated():
            # nats-py doesn't ask for these.
            answer = await self.client.request(
                f"$JS.API.STREAM.INFO.{STREAM}", b'{"deleted_details": true}', _PUBLISH_TIMEOUT
            )
            state = json.loads(answer.data).get("state", {})
        ranges: list[tuple[int, int]] = []
        for sequence in state.get("deleted") or ():
            begun = ranges.pop()[0] if ranges and ranges[-1][1] == sequence - 1 else sequence
            ranges.append((begun, sequence))
        return ranges

    async def at(self, sequence: int) -> Stored | None:
        """The message with this sequence; None if it is not there, or not any more."""
        return await self._stored(seq=sequence)

    async def next(self, subject: str, sequence: int) -> Stored | None:
        """The subject's first message with this sequence or a later one; None if there is none."""
        return await self._stored(seq=sequence, subject=subject, next=True)

    async def _stored(self, **which: Any) -> Stored | None:
        with _translated():
            try:
                message = await self.jetstream.get_msg(STREAM, **which)
            except NotFoundError:
                return None
        headers = message.headers or {}
        # Header.MSG_ID: streams that began with an older Taskbell have it instead.
        event_id = headers.get(EVENT_ID) or headers.get(Header.MSG_ID.value, "")
        return Stored(message.seq or 0, event_id, message.data or b"")

    async def tell(self, subject: str, data: bytes = b"") -> None:
        """Says something to whoever listens at this moment (core NATS); nobody hears it while the server is away."""
        if self.client.is_connected:
            with suppress(nats.errors.Error, OSError):
                await self.client.publish(subject, data)

    async def keep(self) -> None:
        """Connects, and declares the stream after each reconnection, until cancelled."""
        await self.client.connect(
            self._url.split(","),
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RETRY,  # type: ignore[arg-type]  # slept, so a fraction does
            connect_timeout=2,
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_change,
            reconnected_cb=self._on_change,
        )
        while True:
            self._changed.clear()
            while not self._ready.is_set():
                try:
                    await self.declare()
                except (nats.errors.Error, OSError) as error:
                    _log.warning("stream not declared yet", error=repr(error))
                    await asyncio.sleep(_RETRY)
                else:
                    self.meetings += 1
                    self._ready.set()
            await self._changed.wait()

    def _lost(self) -> None:
        self._ready.clear()
        self._changed.set()

    async def _on_change(self) -> None:
        self._lost()

    async def _on_error(self, error: Exception) -> None:
        _log.warning("event bus", error=repr(error))


@asynccontextmanager
async def connect(url: str, replicas: int = 1) -> AsyncIterator[Bus]:
    """The bus, at once; it connects meanwhile, and again whenever the connection is lost.

    Each event lies on as many nodes of a cluster as there are `replicas`.

    What it can't come back from, such as an address that is none, ends the block: nobody serves without a bus for ever.
    """
    bus = Bus(url, replicas)
    async with asyncio.TaskGroup() as group:
        keeper = group.create_task(bus.keep(), name="event bus")
        try:
            yield bus
        finally:
            # Python 3.11's wait_for, in which the client connects, now and then loses a cancellation.
            while not keeper.done():
                keeper.cancel()
                await asyncio.wait((keeper,), timeout=_RETRY)
            if bus.client.servers:  # it has begun to connect, and can be closed
                with suppress(nats.errors.Error, OSError):
                    await asyncio.wait_for(bus.client.close(), _PUBLISH_TIMEOUT)


@contextmanager
def _translated() -> Iterator[None]:
    """What the client raises, as the chassis' error."""
    try:
        yield
    except (nats.errors.Error, OSError, ValueError) as error:
        raise Unavailable("The event bus can't be reached just now.") from error
