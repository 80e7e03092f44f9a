"""The feed: the newest events of the stream, given to every subscription that wants them, in this process.

The stream is read once a replica, however many listen.
"""

import asyncio
from contextlib import suppress

from taskbell.notifications.v1.notifications_pb2 import Subscribe, WatchRequest

from notifysvc.cursor import Cursor
from notifysvc.event_log import Entry, EventLog
from notifysvc.interest import Interest
from notifysvc.rights import Guest, Rights, not_found
from notifysvc.subscription import Subscription
from notifysvc.tail import Tail


class Feed:
    """A worker: follows the stream. Subscriptions begin here."""

    def __init__(self, log: EventLog, tail: Tail, rights: Rights) -> None:
        self._log = log
        self._tail = tail
        self._rights = rights

    async def run(self, stopping: asyncio.Event) -> None:
        """Follows the stream until the process ends."""
        following = asyncio.create_task(self._tail.follow(self), name="tail")
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((following, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    def hear(self, entry: Entry) -> None:
        """Passes an event on."""
        self._rights.heed(entry.event)
        for guest in self._rights.audience(entry.event):
            for listener in guest.listeners:
                listener.hear(entry)

    def interrupted(self) -> None:
        """Lets every subscription look for itself what the stream still holds."""
        for guest in self._rights.guests:
            for listener in guest.listeners:
                listener.interrupted()

    async def subscribe(self, guest: Guest, request: Subscribe | WatchRequest) -> Subscription:
        """A subscription, which has begun. Raises what is wrong with the request, or Unavailable."""
        interest = Interest.of(request, guest.user_id)
        after = Cursor.parse(request.after) if request.after else None
        if interest.project and interest.project not in guest.projects:
            await self._rights.refresh(guest)  # a member since a moment, perhaps
            if interest.project not in guest.projects:
                raise not_found(interest.project)
        if after:
            await self._log.check(after)
        return self.begin(guest, interest, after)

    def begin(self, guest: Guest, interest: Interest, after: Cursor | None = None) -> Subscription:
        """A subscription from a cursor that was checked, or from now on."""
        return Subscription(self._log, self._tail, guest, interest, after)
