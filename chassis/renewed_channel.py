"""A channel over TLS that outlives its certificates: a channel's credentials are fixed, so a new one takes its place.

The new one connects first. Calls go on over the old one until then, and those that are under way end there.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Self, TypeAlias

import grpc

from chassis.tls import Tls

Options: TypeAlias = Sequence[tuple[str, Any]]
_READY: Final = grpc.ChannelConnectivity.READY


class RenewedChannel(grpc.aio.Channel):
    """A channel to `target` with what the files of `tls` hold."""

    def __init__(self, target: str, tls: Tls, options: Options) -> None:
        self._target = target
        self.tls = tls
        self._options = (*options, ("grpc.ssl_target_name_override", tls.server_name)) if tls.server_name else options
        self._certificates = tls.current()
        self._connection = _Connection(self._open())
        self._next: _Connection | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    def connection(self) -> "_Connection":
        """The one for the next call."""
        if (certificates := self.tls.current()) is not self._certificates:
            self._certificates = certificates
            if self._next is not None:
                self._leave(self._next)
            self._next = _Connection(self._open())
        if self._next is not None:
            ready = self._next.channel.get_state(try_to_connect=True) is _READY
            # Without a connection there is nothing to hold on to.
            if ready or self._connection.channel.get_state() is not _READY:
                self._leave(self._connection)
                self._connection, self._next = self._next, None
        return self._connection

    def unary_unary(self, *method: Any, **codec: Any) -> Any:
        """A method that takes one message and answers with one."""
        return _Method(self.connection, lambda channel: channel.unary_unary(*method, **codec))

    def unary_stream(self, *method: Any, **codec: Any) -> Any:
        """A method that takes one message and answers with many."""
        return _Method(self.connection, lambda channel: channel.unary_stream(*method, **codec))

    def stream_unary(self, *method: Any, **codec: Any) -> Any:
        """A method that takes many messages and answers with one."""
        return _Method(self.connection, lambda channel: channel.stream_unary(*method, **codec))

    def stream_stream(self, *method: Any, **codec: Any) -> Any:
        """A method that takes and answers with many messages."""
        return _Method(self.connection, lambda channel: channel.stream_stream(*method, **codec))

    async def close(self, grace: float | None = None) -> None:
        """Ends its calls, at the latest after `grace` seconds; those on old connections at once."""
        for leaving in self._leaving:
            leaving.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        if self._next is not None:
            await self._next.channel.close()
        await self._connection.channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Whether it is connected."""
        return self._connection.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the state is another one."""
        await self._connection.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when it is connected."""
        await self._connection.channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def _open(self) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(self._target, self._certificates.for_client(), options=self._options)

    def _leave(self, connection: "_Connection") -> None:
        leaving = asyncio.create_task(connection.close_when_idle(), name="old connection")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


class _Connection:
    """gRPC's channel, and how many of its calls are under way."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self._idle = asyncio.Event()
        self._idle.set()
        self._calls = 0

    def count(self, call: Any) -> Any:
        """The call, which is under way until it has ended."""
        self._calls += 1
        self._idle.clear()
        call.add_done_callback(self._ended)
        return call

    async def close_when_idle(self) -> None:
        """Waits for the last call, however long it takes, then closes the channel. Cancelled, it closes it at once."""
        try:
            await self._idle.wait()
        finally:
            await self.channel.close()

    def _ended(self, _call: object) -> None:
        self._calls -= 1
        if not self._calls:
            self._idle.set()


class _Method:
    """A method over whichever connection is the one."""

    def __init__(
        self, connection: Callable[[], _Connection], method_of: Callable[[grpc.aio.Channel], Callable[..., Any]]
    ) -> None:
        self._connection = connection
        self._method_of = method_of
        self._last = connection()
        self._method = method_of(self._last.channel)

    def __call__(self, *requests: Any, **options: Any) -> Any:
        """Starts the call."""
        connection = self._connection()
        if connection is not self._last:
            self._last, self._method = connection, self._method_of(connection.channel)
        return connection.count(self._method(*requests, **options))
