"""LedgerService over gRPC: what was committed, told to the other services."""

from datetime import UTC, datetime
from uuid import UUID

from taskbell.events.v1 import ledger_pb2 as pb
from taskbell.events.v1.ledger_pb2_grpc import LedgerServiceServicer

from chassis.errors import EventNotFound
from chassis.interceptors import Context
from chassis.postgres import Pool
from tasksvc.event_to_pb import event_to_pb
from tasksvc.statements import SQL


class LedgerServicer(LedgerServiceServicer):
    """Looks events up."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def GetEvent(self, request: pb.GetEventRequest, _context: Context) -> pb.GetEventResponse:
        """One event, as it is on the bus."""
        event_id = UUID(request.event_id)
        row = await self._pool.fetchrow(SQL["find_event"], event_id, _made(event_id))
        if row is None:
            raise EventNotFound(f"There is no event {event_id}.", metadata={"event_id": str(event_id)})
        return pb.GetEventResponse(event=event_to_pb(row), stream_sequence=row["stream_sequence"] or 0)


def _made(event_id: UUID) -> datetime:
    """When a UUIDv7 was made; of another id, any time at all."""
    return datetime.fromtimestamp((event_id.int >> 80) % (1 << 47) / 1000, UTC)
