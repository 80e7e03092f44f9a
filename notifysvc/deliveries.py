"""What became of the mails of notifications, as their readers may know it."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from taskbell.notifications.v1.deliveries_pb2 import Delivery

from chassis.errors import DeliveryNotDead, DeliveryNotFound
from chassis.postgres import Pool
from notifysvc.fates import State
from notifysvc.letter import Sender
from notifysvc.statements import SQL

_SHOWN: Final[dict[State, "Delivery.State.ValueType"]] = {
    State.WAITING: Delivery.WAITING,
    State.SENT: Delivery.SENT,
    State.DEAD: Delivery.DEAD,
    State.GATHERED: Delivery.GATHERED,
    State.WITHHELD: Delivery.WITHHELD,
    State.DIGEST: Delivery.WAITING,
}
_WAIT: Final = (Delivery.WAITING, Delivery.GATHERED)


class Deliveries:
    """Everybody's; each person sees their own."""

    def __init__(self, pool: Pool, sender: Sender) -> None:
        self._pool = pool
        self._sender = sender

    async def page(
        self, user_id: str, state: "Delivery.State.ValueType", before: UUID | None, size: int
    ) -> Sequence[Delivery]:
        """Somebody's, newest first, in one state or, with 0, all."""
        states = [kept for kept, shown in _SHOWN.items() if shown == state] or None
        rows = await self._pool.fetch(SQL["list_deliveries"], UUID(user_id), before, size, states)
        return [self._delivery(user_id, row) for row in rows]

    async def find(self, user_id: str, delivery_id: UUID) -> Delivery | None:
        """One of somebody's, if it is kept still."""
        row = await self._pool.fetchrow(SQL["get_delivery"], UUID(user_id), delivery_id)
        return None if row is None else self._delivery(user_id, row)

    async def retry(self, user_id: str, delivery_id: str) -> Delivery:
        """Tries one again. Raises DeliveryNotFound, or DeliveryNotDead if it wasn't given up."""
        told = await self._pool.execute(SQL["retry_delivery"], UUID(user_id), UUID(delivery_id))
        delivery = await self.find(user_id, UUID(delivery_id))
        if delivery is None:
            raise DeliveryNotFound(f"There is no delivery {delivery_id} to you.", metadata={"id": delivery_id})
        if told == "UPDATE 0":
            state = Delivery.State.Name(delivery.state)
            raise DeliveryNotDead(
                f"The delivery {delivery_id} is {state}: only one that is DEAD is tried again.",
                metadata={"state": state},
            )
        return delivery

    def _delivery(self, user_id: str, row: Any) -> Delivery:
        state = _SHOWN[State(row["state"])]
        digest = row["digest"]
        delivery = Delivery(
            id=str(row["id"]),
            event_id=str(row["event_id"]),
            reason=row["reason"],
            task_id=str(row["task_id"] or ""),
            title=row["title"] or "",
            state=state,
            hold=row["hold"],
            tries=row["tries"],
            doubts=row["doubts"],
            reply=row["reply"] if state == Delivery.SENT else row["last_error"],
            digest_id=str(digest or ""),
        )
        delivery.create_time.FromDatetime(row["create_time"])
        if row["end_time"]:
            delivery.end_time.FromDatetime(row["end_time"])
        if state in _WAIT:
            delivery.next_time.FromDatetime(row["next_time"])
        if state not in {Delivery.GATHERED, Delivery.WITHHELD}:
            named = f"digest.{digest}" if digest else f"{row['event_id']}.{user_id}"
            delivery.message_id = f"<{named}@{self._sender.domain}>"
        return delivery
