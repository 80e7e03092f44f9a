"""The way to one client: what is told on a stream, message by message.

Whoever has something to tell takes turns. There is no queue: a client that doesn't read holds up its own stream, and
nothing else.
"""

import asyncio
from typing import Any, TypeAlias

import grpc
from taskbell.notifications.v1.notifications_pb2 import ConnectResponse, Error, Events

from chassis.errors import ServiceError
from notifysvc.wire import bytes_field

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class Gone(Exception):
    """The client has left while it was told something."""


class Line:
    """One stream's."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._turn = asyncio.Lock()

    async def tell(self, response: ConnectResponse) -> None:
        """Returns when the client's connection has taken it. Raises Gone."""
        await self._write(response.SerializeToString())

    async def tell_events(self, head: bytes, fields: bytes) -> None:
        """Tells what `begin_events` began and these fields go on with."""
        await self._write(bytes_field(ConnectResponse.EVENTS_FIELD_NUMBER, head, fields))

    async def _write(self, message: bytes) -> None:
        async with self._turn:
            try:
                await self._context.write(message)
            except (grpc.aio.BaseError, asyncio.InvalidStateError) as error:
                raise Gone from error

    async def complain(self, about: str, error: ServiceError) -> None:
        """Tells what is wrong with a subscription or, about nothing, with the stream."""
        await self.tell(ConnectResponse(error=Error(id=about, code=error.reason, message=error.message)))


def begin_events(name: str) -> bytes:
    """The beginning of all messages with a subscription's events."""
    return bytes_field(Events.ID_FIELD_NUMBER, name.encode())
