"""NotificationService over gRPC: reads the request, asks who knows, answers. Errors raise."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from taskbell.notifications.v1.notifications_pb2 import (
    ConnectRequest,
    CreateTicketRequest,
    ListNotificationsRequest,
    ListNotificationsResponse,
    MarkNotificationsRequest,
    MarkNotificationsResponse,
    Ticket,
    WatchRequest,
)
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceServicer

from chassis import pages
from chassis.aip132 import newest_first
from chassis.caller import authorization, caller, take_authorization
from chassis.errors import CredentialsMissing, Unavailable
from chassis.interceptors import Context, tell_open
from chassis.page_bytes import fitting
from chassis.positions import of_type
from chassis.race import run_until
from notifysvc.conversation import Hub, converse
from notifysvc.event_log import too_old
from notifysvc.marking import mark
from notifysvc.rights import Guest
from notifysvc.ring import Batch
from notifysvc.subscription import Lost, Subscription
from notifysvc.tickets import Tickets


class NotificationServicer(NotificationServiceServicer):
    """Also a worker, which lets the streams go when the process ends."""

    def __init__(self, hub: Hub, tickets: Tickets) -> None:
        self._hub = hub
        self._feed = hub.feed
        self._rights = hub.rights
        self._inbox = hub.inbox
        self._tickets = tickets
        self._leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, stopping: asyncio.Event) -> None:
        """Tells the streams when it is time to go."""
        await stopping.wait()
        self._leaving.set_result(None)

    async def Connect(  # type: ignore[override]  # writes its answers itself, as grpc.aio allows
        self, requests: AsyncIterator[ConnectRequest], context: Context
    ) -> None:
        """The live conversation."""
        await tell_open(context)
        await converse(self._hub, context, await self._token(), requests, self._leaving)

    async def Watch(self, request: WatchRequest, context: Context) -> None:  # type: ignore[override]  # likewise
        """One subscription as a plain stream. It has begun when the client sees the initial metadata."""
        token = await self._token()
        if not token:
            raise CredentialsMissing("This stream needs a signed-in user: send `authorization: Bearer <token>`.")
        with await self._rights.open(token) as guest:
            subscription = await self._feed.subscribe(guest, request)
            await tell_open(context)
            await run_until(_write_events(subscription, guest, context), guest.ended, self._leaving)
            if self._leaving.done():
                raise Unavailable("The server leaves: connect again, after the last cursor.", retry_after=0.5)

    async def ListNotifications(
        self, request: ListNotificationsRequest, _context: Context
    ) -> ListNotificationsResponse:
        """The caller's inbox."""
        user_id, size = caller().user_id, pages.page_size(request.page_size)
        beyond = pages.decode(request.page_token, request, of_type("uuid")) if request.page_token else None
        descending = newest_first(request.order_by, "create_time", unless_said=True)
        page = await self._inbox.page(user_id, request.filter, request.state, beyond, size, newest_first=descending)
        notifications = fitting(page.items)
        more = page.more or len(notifications) < len(page.items)
        return ListNotificationsResponse(
            notifications=notifications,
            next_page_token=pages.encode(notifications[-1].id, request) if more else "",
            unread_count=await self._inbox.unread(user_id),
        )

    async def MarkNotifications(
        self, request: MarkNotificationsRequest, _context: Context
    ) -> MarkNotificationsResponse:
        """Marks the caller's notifications, and lets their open streams know."""
        unread = await mark(self._inbox, self._hub.bell, caller().user_id, request)
        return MarkNotificationsResponse(unread_count=unread)

    async def CreateTicket(self, _request: CreateTicketRequest, _context: Context) -> Ticket:
        """A ticket that opens one stream as the caller."""
        return await self._tickets.issue(authorization().partition(" ")[2])

    async def _token(self) -> str:
        """The token that the call's metadata carry, or its ticket stands for; empty if there is none."""
        scheme, _, credentials = take_authorization().partition(" ")
        match scheme.lower():
            case "bearer":
                return credentials
            case "ticket":
                return await self._tickets.use(credentials)
        return ""


async def _write_events(subscription: Subscription, guest: Guest, context: Context) -> None:
    async with aclosing(subscription.deliveries()) as deliveries:
        async for delivery in deliveries:
            match delivery:
                case Batch():
                    for entry, transition in delivery.entries:
                        await context.write(entry.encoded(transition, guest.projects).event)
                case Lost():
                    raise too_old()
