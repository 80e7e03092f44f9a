"""Publishes what was committed: each event of the outbox once, each task's in the order of its versions.

The partitions of the outbox are shared between the replicas (tasksvc.ownership). An owner reads the first waiting
events of its partitions, brings the cache up to them, publishes them, and marks them with their sequence in the stream.

Nothing is doubled or reordered when an owner is killed at any point, or wakes up after others took over
(tasksvc.fence). What the stream loses is found in the outbox, and published again (tasksvc.ledger).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
import nats.errors
import structlog
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram
from taskbell.events.v1.events_pb2 import Event

from chassis.errors import ServiceError, Unavailable
from chassis.jetstream import Bus
from chassis.postgres import Pool
from chassis.tracing import Followers, bus_attributes, failed, traceparent_of
from tasksvc.cache import AccessCache, TaskCache
from tasksvc.event_to_pb import event_to_pb, subject_of
from tasksvc.fence import Fence
from tasksvc.ledger import Ledger
from tasksvc.outbox_bell import SUBJECT, OutboxBell
from tasksvc.ownership import Ownership
from tasksvc.partitions import PARTITIONS
from tasksvc.statements import SQL

ROUND: Final = 64
"""Events of one partition that are published in one go at most."""
PATIENCE: Final = 0.5
"""Seconds after which the outbox is looked at by itself."""
REVIEW: Final = 3.0
"""Seconds between two looks at whether the stream still holds what was published."""

_PUBLISHED: Final = Counter("taskbell_outbox_published", "Events published.")
_OWNED: Final = Gauge("taskbell_outbox_partitions", "Partitions of the outbox that this process publishes.")
_LAG: Final = Histogram(
    "taskbell_outbox_lag_seconds",
    "From an event's transaction to its place in the stream.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 300),
)
_log = structlog.get_logger("tasksvc.relay")


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event to publish."""

    id: int
    partition: int
    term: int
    event: Event
    after: int
    """A place on its subject of which the outbox knows that it can only be after it."""


class Relay:
    """The part of the outbox that this process publishes."""

    def __init__(self, pool: Pool, bus: Bus, bell: OutboxBell, tasks: TaskCache, access: AccessCache) -> None:
        self._pool = pool
        self._bus = bus
        self._bell = bell
        self._tasks = tasks
        self._access = access
        self._ledger = Ledger(pool, bus)
        self._checked: dict[int, int] = {}
        self._ownership = Ownership(pool, "relay", range(PARTITIONS))
        self._spans = Followers(SpanKind.PRODUCER)

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are this process's own."""
        return frozenset(self._ownership.terms)

    async def run(self, stopping: asyncio.Event) -> None:
        """Publishes until told to stop, and then leaves the rest to the others."""
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._ownership.keep(lambda: self._bus.connected, self._share_changed)),
                group.create_task(self._hear_others()),
                group.create_task(self._review()),
                group.create_task(self._hear_the_end(stopping)),
            ]
            while not stopping.is_set():
                if not await self._round():
                    await self._bell.heard(PATIENCE)
            for helper in helpers:
                helper.cancel()
        try:
            await self._ownership.leave()
        except ServiceError as error:
            _log.warning("partitions not given back", error=str(error))

    async def _round(self) -> bool:
        """Publishes what waits; whether it is worth looking again at once."""
        terms = self._ownership.terms
        if not terms or not self._bus.connected:
            return False
        try:
            await self._check_stream(terms)
            rows = await self._pool.fetch(SQL["list_waiting_events"], list(terms), ROUND)
            if not rows:
                return False
            waiting = [self._read(row, terms) for row in rows]
            # Ahead of the event: who hears of a version must not read an older one then, even if its writer was killed
            # before it could see to the cache.
            await self._tasks.put(each.event.task for each in waiting if _tells_state(each.event))
            await self._access.drop({user for each in waiting for user in _whose_access(each.event)})
            published = await self._publish(waiting)
            if published:
                await self._mark(published)
        except ServiceError as error:
            _log.warning("events not published yet", error=str(error))
            return False
        return len(published) == len(waiting)

    async def _check_stream(self, partitions: Iterable[int]) -> None:
        """Once for each partition that came to us, and for all when the stream is met again."""
        met = self._bus.meetings
        if unchecked := [each for each in partitions if self._checked.get(each) != met]:
            await self._ledger.check(unchecked)
        self._checked = dict.fromkeys(partitions, met)

    async def _review(self) -> None:
        """The stream may lose something while we look on."""
        while True:
            await asyncio.sleep(REVIEW)
            if self.owned and self._bus.connected:
                try:
                    await self._ledger.review(self.owned)
                except ServiceError as error:
                    _log.warning("the stream is not checked just now", error=str(error))

    def _read(self, row: asyncpg.Record, terms: Mapping[int, int]) -> Waiting:
        partition = row["partition"]
        return Waiting(row["id"], partition, terms[partition], event_to_pb(row), row["sequence_before"])

    async def _publish(self, waiting: Iterable[Waiting]) -> list[tuple[Waiting, int]]:
        """What got its place in the stream. Different tasks go at the same time, one task's events one by one."""
        chains: dict[str, list[Waiting]] = {}
        for each in waiting:
            chains.setdefault(each.event.task_id or subject_of(each.event), []).append(each)
        done = await asyncio.gather(*(self._publish_in_order(chain) for chain in chains.values()))
        return [each for chain in done for each in chain]

    async def _publish_in_order(self, chain: Sequence[Waiting]) -> list[tuple[Waiting, int]]:
        done: list[tuple[Waiting, int]] = []
        fences: dict[str, Fence] = {}
        for each in chain:
            subject = subject_of(each.event)
            fence = fences.setdefault(subject, Fence(self._bus, self._ledger, subject, each.partition, each.after))
            span = self._spans.begin(
                f"publish {each.event.type}", each.event.traceparent, bus_attributes(each.event.event_id)
            )
            try:
                sequence = await fence.publish(each.event, traceparent_of(span))
            except Unavailable as error:
                failed(span, error)
                _log.warning("event not published yet", event_id=each.event.event_id, error=str(error))
                break
            finally:
                span.end()
            done.append((each, sequence))
            _PUBLISHED.inc()
            _LAG.observe((datetime.now(UTC) - each.event.time.ToDatetime(UTC)).total_seconds())
        return done

    async def _mark(self, published: Sequence[tuple[Waiting, int]]) -> None:
        await self._pool.execute(
            SQL["mark_published"],
            self._ownership.owner,
            [each.id for each, _ in published],
            [sequence for _, sequence in published],
            [self._ownership.name(each.partition) for each, _ in published],
            [each.term for each, _ in published],
        )

    async def _hear_others(self) -> None:
        """Rings our bell when another replica wrote into a partition of ours."""

        async def hear(message: Msg) -> None:
            self._bell.ring_here(int(message.subject.rpartition(".")[2]))

        await self._bus.ready()
        try:
            await self._bus.client.subscribe(f"{SUBJECT}.*", cb=hear)
        except nats.errors.Error as error:
            _log.warning("nobody's bell is heard", error=repr(error))

    async def _hear_the_end(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._bell.owns(())

    def _share_changed(self) -> None:
        _OWNED.set(len(self.owned))
        self._bell.owns(self.owned)


def _tells_state(event: Event) -> bool:
    """Whether its task is as the event left it."""
    return event.HasField("task") and event.type != "task.left"


def _whose_access(event: Event) -> Iterable[str]:
    """The user whose memberships or credentials it changed."""
    match event.WhichOneof("subject"):
        case "member":
            yield event.member.user_id
        case "credential":
            yield event.credential.user_id
