"""Keeps doubles out of the stream, and each task's events in order, whoever publishes and however often he tries.

Each event names the sequence of the newest one on its subject, and the stream refuses it when something else stands
there. Then everything that follows on the subject is looked at: our event, published by somebody else, or by us before
the answer was lost, is only given its sequence. So a publisher that was frozen, and wakes up after others took over,
does no harm.
"""

from taskbell.events.v1.events_pb2 import Event

from chassis.errors import Unavailable
from chassis.jetstream import Bus, WrongLastSequence
from tasksvc.ledger import Ledger


class Fence:
    """One subject of the stream, for as long as some of its events are published one after the other."""

    def __init__(self, bus: Bus, ledger: Ledger, subject: str, partition: int, after: int) -> None:
        """The events to publish can only be beyond `after`, a sequence of this subject; 0 if none is known."""
        self._bus = bus
        self._ledger = ledger
        self._subject = subject
        self._partition = partition
        self._last = after
        self._found: dict[str, int] = {}

    async def publish(self, event: Event, traceparent: str) -> int:
        """Its sequence in the stream, whoever put it there. Raises Unavailable: try again later, from the outbox."""
        data = event.SerializeToString()
        while event.event_id not in self._found:
            try:
                self._last = await self._bus.publish(
                    self._subject, data, event_id=event.event_id, after=self._last, traceparent=traceparent
                )
            except WrongLastSequence:
                if not await self._look_on():
                    await self._begin_anew()
            else:
                return self._last
        return self._found[event.event_id]

    async def _look_on(self) -> bool:
        """Goes on to the subject's end; whether there was anything."""
        begun = self._last
        while found := await self._bus.next(self._subject, self._last + 1):
            self._last = found.sequence
            self._found[found.event_id] = found.sequence
        return self._last > begun

    async def _begin_anew(self) -> None:
        """Nothing follows what we know of, which is not the last: the stream has lost it, or let it go with age."""
        if await self._ledger.check([self._partition]) or not self._last:
            raise Unavailable("The stream has lost events that come before this one.")
        self._last = 0
