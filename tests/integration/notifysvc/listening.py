"""Clients of the live streams."""

import asyncio
from collections.abc import Iterable
from typing import Any, Self

import grpc.aio
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1 import notifications_pb2 as pb
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceStub

from tests.integration.notifysvc.peer import Person

PATIENCE = 60.0
"""Seconds after which something won't come any more, on a machine that has much else to do."""


class Watching:
    """A Watch call that has begun."""

    def __init__(self, channel: grpc.aio.Channel, person: Person, request: pb.WatchRequest) -> None:
        stub: Any = NotificationServiceStub(channel)
        self._call = stub.Watch(request, metadata=person.metadata)

    async def __aenter__(self) -> Self:
        # The metadata come when it runs; they come too when it fails, which the first read tells.
        await asyncio.wait_for(self._call.initial_metadata(), PATIENCE)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._call.cancel()

    async def next(self) -> Event:
        """The next event. Raises what ended the stream."""
        event = await asyncio.wait_for(self._call.read(), PATIENCE)
        assert event is not grpc.aio.EOF, "the stream ended"
        assert isinstance(event, Event)
        return event

    async def ended(self) -> None:
        """Waits for the end. Raises it, if it is an error."""
        while await asyncio.wait_for(self._call.read(), PATIENCE) is not grpc.aio.EOF:
            pass

    async def take(self, count: int) -> list[Event]:
        return [await self.next() for _ in range(count)]


class Connected:
    """A Connect call."""

    def __init__(self, channel: grpc.aio.Channel, person: Person | None = None, *, token: str = "") -> None:
        stub: Any = NotificationServiceStub(channel)
        token = person.token if person else token
        self._call = stub.Connect(metadata=(("authorization", f"Bearer {token}"),) if token else ())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._call.cancel()

    async def say(self, **message: Any) -> None:
        await self._call.write(pb.ConnectRequest(**message))

    async def done(self) -> None:
        """There is nothing more to say."""
        await self._call.done_writing()

    async def hear(self, kind: str = "") -> Any:
        """The next message, which must be of this kind; nothing named: whatever it is. Raises what ended the stream."""
        response = await self._read()
        # What comes every twenty seconds is no news.
        while kind and (came := response.WhichOneof("message")) != kind and came in ("ping", "progress"):
            response = await self._read()
        if not kind:
            return response
        assert came == kind, response
        return getattr(response, kind)

    async def _read(self) -> pb.ConnectResponse:
        response = await asyncio.wait_for(self._call.read(), PATIENCE)
        assert isinstance(response, pb.ConnectResponse), "the stream ended"
        return response

    async def ended(self) -> None:
        """Waits for the end. Raises it, if it is an error."""
        while await asyncio.wait_for(self._call.read(), PATIENCE) is not grpc.aio.EOF:
            pass

    async def subscribe(self, name: str = "s1", **wanted: Any) -> pb.Subscribed:
        await self.say(subscribe=pb.Subscribe(id=name, **wanted))
        subscribed: pb.Subscribed = await self.hear("subscribed")
        assert subscribed.id == name
        return subscribed

    async def events(self, count: int, name: str = "s1") -> list[Event]:
        """That many events of a subscription, and nothing else comes in between."""
        found: list[Event] = []
        while len(found) < count:
            events = await self.hear("events")
            assert events.id == name
            found += events.events
        assert len(found) == count
        return found


def ids(events: Iterable[Event]) -> list[str]:
    return [event.event_id for event in events]
