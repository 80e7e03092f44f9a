"""What notifysvc asks tasksvc about events that were committed."""

from typing import TYPE_CHECKING

import grpc
from taskbell.events.v1.ledger_pb2 import GetEventRequest, GetEventResponse
from taskbell.events.v1.ledger_pb2_grpc import LedgerServiceStub

if TYPE_CHECKING:  # there only in the stubs
    from taskbell.events.v1.ledger_pb2_grpc import LedgerServiceAsyncStub


class EventLedger:
    """tasksvc's LedgerService, through a channel that carries the service key."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: LedgerServiceAsyncStub = LedgerServiceStub(channel)

    async def event(self, event_id: str) -> GetEventResponse:
        """The event as it was committed, and its place in the stream. Raises EventNotFound, Unavailable."""
        return await self._stub.GetEvent(GetEventRequest(event_id=event_id))
