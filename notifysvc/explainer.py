"""The way of one event to one person, put together from all who had it: the ledger, the stream, inbox and mail."""

from uuid import UUID

from taskbell.accounts.v1.accounts_pb2 import Principal
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.deliveries_pb2 import DeviceAck, Explanation

from chassis.errors import EventNotFound
from chassis.postgres import Pool
from notifysvc.acks import Acks
from notifysvc.concerned import concerned
from notifysvc.cursor import Cursor
from notifysvc.deliveries import Deliveries
from notifysvc.event_ledger import EventLedger
from notifysvc.event_log import EventLog
from notifysvc.fates import NOT_SHOWN
from notifysvc.statements import SQL


class Explainer:
    """Tells each person what is theirs to know."""

    def __init__(self, pool: Pool, ledger: EventLedger, log: EventLog, acks: Acks, deliveries: Deliveries) -> None:
        self._pool = pool
        self._ledger = ledger
        self._log = log
        self._acks = acks
        self._deliveries = deliveries

    async def explain(self, event_id: str, principal: Principal) -> Explanation:
        """The way of the event. Raises EventNotFound if it is none of theirs."""
        known = await self._ledger.event(event_id)
        event, user_id = known.event, principal.user_id
        if not _theirs(event, principal):
            raise EventNotFound(f"There is no event {event_id}.", metadata={"event_id": event_id})
        told = Explanation(event=_outline(event), stream_sequence=known.stream_sequence)
        cursor = await self._log.cursor_of(event.event_id, known.stream_sequence) if known.stream_sequence else None
        if cursor:
            told.in_stream = True
            told.event.cursor = str(cursor)
        if effect := await self._pool.fetchval(SQL["find_effect"], UUID(event_id)):
            told.effect_time.FromDatetime(effect)
        await self._tell_what_concerns(told, event, user_id, cursor)
        return told

    async def _tell_what_concerns(self, told: Explanation, event: Event, user_id: str, cursor: Cursor | None) -> None:
        row = await self._pool.fetchrow(SQL["find_notification"], UUID(event.event_id), UUID(user_id))
        if row is not None:
            told.reason, told.notification_id = row["reason"], str(row["id"])
            if row["state"] != NOT_SHOWN:
                told.inbox = row["state"]
            if mail := await self._deliveries.find(user_id, row["id"]):
                told.mail.CopyFrom(mail)
        elif reason := concerned(event).get(user_id):
            told.reason = reason
        if cursor and event.project_id:
            for seen in await self._acks.of(cursor, event.project_id, [user_id], inbox=bool(told.inbox)):
                ack = DeviceAck(device=seen.device.name)
                ack.time.FromDatetime(seen.time)
                told.acks.append(ack)


def _theirs(event: Event, principal: Principal) -> bool:
    themselves = principal.user_id in {event.member.user_id, event.credential.user_id, event.account.user_id}
    return event.project_id in principal.project_ids or themselves


def _outline(event: Event) -> Event:
    """Without what changed, which may have come from a place that not everybody sees."""
    return Event(
        event_id=event.event_id,
        type=event.type,
        time=event.time,
        actor_id=event.actor_id,
        project_id=event.project_id,
        task_id=event.task_id,
        task_version=event.task_version,
        changed_fields=event.changed_fields,
    )
