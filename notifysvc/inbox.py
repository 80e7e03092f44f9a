"""The inbox: what concerned each person, and what they have seen of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification

from chassis.errors import InvalidField, NotificationNotFound
from chassis.etag import etag
from chassis.joint_reads import JointReads
from chassis.page_bytes import MOST_BYTES, Portion
from chassis.postgres import Executor, Pool
from notifysvc.concerned import Reason, concerned
from notifysvc.effects import Arrival, Effect
from notifysvc.facets import Facets
from notifysvc.fates import fate
from notifysvc.inbox_filter import Selection
from notifysvc.preference_store import DEFAULTS, preferences_of
from notifysvc.statements import SQL


@dataclass(frozen=True, slots=True)
class _Row:
    """One notification to be, column by column."""

    id: UUID
    event_id: UUID
    user_id: UUID
    reason: Reason
    create_time: datetime
    event: bytes
    type: str
    actor_id: UUID | None
    project_id: UUID | None
    task_id: UUID | None
    title: str


class Inbox:
    """Everybody's, in PostgreSQL."""

    def __init__(self, pool: Pool, also: Collection[Effect] = ()) -> None:
        self._pool = pool
        self._also = also
        self._unread = JointReads(self._count_unread)

    async def deliver(self, arrivals: Sequence[Arrival]) -> set[str]:
        """Gives the events their effect: notifications, and their e-mails. Returns whose inboxes may have changed.

        All of it, or nothing, in one transaction; and once, however often the same events come.
        """
        departures = [_departure(a) for a in arrivals if a.event.type in ("member.added", "member.removed")]
        rows = [row for arrival in arrivals for row in _rows(arrival)]
        also = [(effect, work) for effect in self._also if (work := await effect.of(arrivals))]
        if not rows and not departures and not also:
            return set()
        async with self._pool.acquire() as connection, connection.transaction():
            if departures:
                await connection.execute(SQL["add_departures"], *_columns(departures))
            if rows:
                await _add(connection, rows)
            for _, work in also:
                await work(connection)
        for effect, _ in also:
            effect.nudge()
        return {str(row.user_id) for row in rows}

    async def page(
        self, user_id: str, filter_: str, state: int, beyond: UUID | None, size: int, *, newest_first: bool
    ) -> Portion[Notification]:
        """Somebody's notifications that match the filter, after that one: in one state or, with 0, as the filter says.

        Raises InvalidFilter.
        """
        asked = Selection.of(filter_, user_id, UUID(user_id), beyond, size + 1, MOST_BYTES, state=state)
        order, after = ("DESC", "<") if newest_first else ("ASC", ">")
        statement = SQL["list_notifications"].format(where=asked.where, order=order, after=after)
        rows = await self._pool.fetch(statement, *asked.values)
        return Portion.of([_notification(row) for row in rows], rows, size)

    async def unread(self, user_id: str) -> int:
        """How many notifications somebody hasn't seen yet."""
        return await self._unread.get(user_id) or 0

    async def _count_unread(self, user_ids: Collection[str]) -> dict[str, int]:
        rows = await self._pool.fetch(SQL["count_unread"], user_ids)
        return {str(row["user_id"]): row["unread"] for row in rows}

    async def mark(self, user_id: str, ids: Iterable[str], state: int) -> None:
        """Marks these. Raises NotificationNotFound, and marks none, if one is not in this person's inbox."""
        asked = sorted({UUID(each) for each in ids})
        if missing := await self._pool.fetch(SQL["mark_notifications"], UUID(user_id), asked, state):
            first = str(missing[0]["id"])
            raise NotificationNotFound(f"There is no notification {first} in your inbox.", metadata={"id": first})

    async def mark_matching(self, user_id: str, filter_: str, state: int) -> None:
        """Marks all that match the filter and, unless it names a state, are not archived. Raises InvalidFilter."""
        asked = Selection.of(filter_, user_id, UUID(user_id), state)
        await self._pool.execute(SQL["mark_matching_notifications"].format(where=asked.where), *asked.values)


def notification_id(arrival: Arrival, user_id: str) -> UUID:
    """A UUIDv7 of the event's time and, within a millisecond, of its place: the inbox is in the events' order."""
    milliseconds = arrival.event.time.ToMilliseconds() & (1 << 48) - 1
    place = arrival.sequence & (1 << 40) - 1
    rest = int.from_bytes(sha256(f"{arrival.event.event_id}/{user_id}".encode()).digest()[:8]) & (1 << 34) - 1
    return UUID(
        int=milliseconds << 80 | 7 << 76 | place >> 28 << 64 | 0b10 << 62 | (place & (1 << 28) - 1) << 34 | rest
    )


def check_readable(event: Event) -> None:
    """Raises ValueError for an event that can't have an effect: its ids are none."""
    for each in (event.event_id, *concerned(event)):
        UUID(each)
    if event.actor_id:
        UUID(event.actor_id)
    if event.HasField("task"):
        UUID(event.project_id)
        UUID(event.task_id)
    if event.HasField("member"):
        UUID(event.project_id)
        UUID(event.member.user_id)
    if event.HasField("account"):
        UUID(event.account.user_id)


def _rows(arrival: Arrival) -> list[_Row]:
    event = arrival.event
    people = concerned(event)
    if not people:
        return []
    data = event.SerializeToString()
    time = event.time.ToDatetime(UTC)
    event_id, facets = UUID(event.event_id), Facets.of(event)
    return [
        _Row(notification_id(arrival, user), event_id, UUID(user), reason, time, data, *facets)
        for user, reason in people.items()
    ]


async def _add(connection: Executor, rows: Sequence[_Row]) -> None:
    preferences = await preferences_of(connection, {row.user_id for row in rows})
    now = datetime.now(UTC)
    values = [
        (
            *(getattr(row, name) for name in _Row.__slots__),
            *fate(preferences.get(row.user_id, DEFAULTS), row.reason, now),
        )
        for row in rows
    ]
    await connection.execute(SQL["add_notifications"], [row.event_id for row in rows], *_columns(values))


def _departure(arrival: Arrival) -> tuple[UUID, UUID, bool, int, datetime]:
    event = arrival.event
    gone = event.type == "member.removed"
    return UUID(event.project_id), UUID(event.member.user_id), gone, arrival.sequence, event.time.ToDatetime(UTC)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _notification(row: asyncpg.Record) -> Notification:
    notification = Notification(
        id=str(row["id"]),
        reason=row["reason"],
        state=row["state"],
        event=Event.FromString(row["event"]),
        etag=etag(row["id"], row["state"]),
    )
    notification.create_time.FromDatetime(row["create_time"])
    return notification


def check_marking(ids: Sequence[str], *, everything: bool, filter_: str) -> None:
    """Raises InvalidField unless exactly one of the three is named."""
    named = [name for name, given in (("ids", ids), ("all", everything), ("filter", filter_)) if given]
    if len(named) > 1:
        told = f"can't go together with `{named[0]}`"
        raise InvalidField.named(named[1], filter_ if named[1] == "filter" else True, told)
    if not named:
        raise InvalidField.named("ids", [], "names no notification: name some, or say `all` or a `filter`")
