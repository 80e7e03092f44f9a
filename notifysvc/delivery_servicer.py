"""DeliveryService over gRPC: reads the request, asks who knows, answers. Errors raise."""

from collections.abc import Callable

from taskbell.notifications.v1 import deliveries_pb2 as pb
from taskbell.notifications.v1.deliveries_pb2_grpc import DeliveryServiceServicer

from chassis import pages
from chassis.caller import authorization, caller
from chassis.interceptors import Context
from chassis.positions import of_type
from notifysvc.accounts import Accounts
from notifysvc.deliveries import Deliveries
from notifysvc.explainer import Explainer


class DeliveryServicer(DeliveryServiceServicer):
    """What became of the caller's events."""

    def __init__(
        self, deliveries: Deliveries, explainer: Explainer, accounts: Accounts, nudge: Callable[[], None]
    ) -> None:
        self._deliveries = deliveries
        self._explainer = explainer
        self._accounts = accounts
        self._nudge = nudge
        """Tells the mailer that there is something to send."""

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, _context: Context) -> pb.ListDeliveriesResponse:
        """The caller's mails."""
        size = pages.page_size(request.page_size)
        before = pages.decode(request.page_token, request, of_type("uuid")) if request.page_token else None
        found = await self._deliveries.page(caller().user_id, request.state, before, size + 1)
        page = found[:size]
        token = pages.encode(page[-1].id, request) if len(found) > size else ""
        return pb.ListDeliveriesResponse(deliveries=page, next_page_token=token)

    async def RetryDelivery(self, request: pb.RetryDeliveryRequest, _context: Context) -> pb.Delivery:
        """Tries one of the caller's mails again."""
        delivery = await self._deliveries.retry(caller().user_id, request.id)
        self._nudge()
        return delivery

    async def ExplainEvent(self, request: pb.ExplainEventRequest, _context: Context) -> pb.Explanation:
        """The way of one event to the caller."""
        principal = await self._accounts.introspect(authorization().partition(" ")[2])
        return await self._explainer.explain(request.event_id, principal)
