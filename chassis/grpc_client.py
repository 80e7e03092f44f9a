"""A channel to another Taskbell service: calls carry request id, trace and deadline on, and raise ServiceErrors.

No grpc.aio client interceptor stands in the way, each of which would cost a task a call.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from functools import partial
from typing import Any, Final, Self, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration

from chassis.caller import REQUEST_ID, Call, current_call
from chassis.errors import DeadlineExceeded, from_rpc_error
from chassis.renewed_channel import RenewedChannel
from chassis.tls import Tls

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]

DEADLINE: Final = 10.0
"""Seconds that a unary call may take beside a long poll's, unless it says otherwise or its own caller waits less."""
ATTEMPTS: Final = 4
MOST_BYTES: Final = 64 * 1024 * 1024
"""The largest answer taken: a page may hold a thousand tasks, and the server is one of ours."""

_IDEMPOTENT: Final = ("Get", "List", "Search", "BatchGet", "Introspect")
_LONGEST_WAIT: Final = 3600
_FIRST_PAUSE: Final = 0.05
_OPTIONS: Final = (
    # A new replica is found, and a dead one left, with every resolution of its name: when a connection ends, and
    # servers see to it that none gets old.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", MOST_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A replica that was cut off is given up in time for a call to be made to another one within its deadline.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


def channel(
    address: str, *, service_key: str = "", authorization: str = "", tls: Tls | None = None
) -> grpc.aio.Channel:
    """A channel to `host:port`, for a service, for one user, or else for whoever makes the call at hand."""
    fixed = f"Service {service_key}" if service_key else authorization
    if tls is None:
        return _Channel(grpc.aio.insecure_channel(address, options=_OPTIONS), fixed)
    return _Channel(RenewedChannel(address, tls, _OPTIONS), fixed)


def call_metadata(call: Call, authorization: str = "") -> Metadata:
    """What a call made on behalf of another one carries on."""
    pairs = (
        ("authorization", authorization or call.authorization),
        (REQUEST_ID, call.request_id),
        ("traceparent", call.traceparent),
        ("tracestate", call.tracestate),
    )
    return tuple(pair for pair in pairs if pair[1])


class _Channel(grpc.aio.Channel):
    """A channel whose stubs' methods behave as this module says."""

    def __init__(self, channel: grpc.aio.Channel, authorization: str) -> None:
        self._channel = channel
        self._authorization = authorization

    def unary_unary(self, method: str, *codec: Any, **options: Any) -> Any:
        """A method that takes one message and answers with one."""
        return _UnaryMethod(method, self._channel.unary_unary(method, *codec, **options), self._authorization)

    def unary_stream(self, method: str, *codec: Any, **options: Any) -> Any:
        """A method that takes one message and answers with many."""
        return _StreamMethod(self._channel.unary_stream(method, *codec, **options), self._authorization)

    def stream_unary(self, method: str, *codec: Any, **options: Any) -> Any:
        """A method that takes many messages and answers with one."""
        return _StreamMethod(self._channel.stream_unary(method, *codec, **options), self._authorization)

    def stream_stream(self, method: str, *codec: Any, **options: Any) -> Any:
        """A method that takes and answers with many messages."""
        return _StreamMethod(self._channel.stream_stream(method, *codec, **options), self._authorization)

    async def close(self, grace: float | None = None) -> None:
        """Ends its calls, at the latest after `grace` seconds."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Whether it is connected."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the state is another one."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when it is connected."""
        await self._channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


class _UnaryMethod:
    """Calls with a deadline, again when the server can't be reached, or stops, and a repeat does no harm."""

    def __init__(self, path: str, method: Any, authorization: str) -> None:
        self._method = method
        self._authorization = authorization
        self._idempotent = path.rpartition("/")[2].startswith(_IDEMPOTENT)

    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Metadata = (), **options: Any
    ) -> "_UnaryCall":
        call = current_call.get()
        if timeout is None:
            timeout = DEADLINE + _own_wait(request)
            if call.deadline is not None:
                timeout = min(timeout, call.deadline - time.monotonic())
        if timeout <= 0:
            raise DeadlineExceeded("Whoever asked waits no longer.")
        carried = (*metadata, *call_metadata(call, self._authorization))
        attempt = partial(self._method, request, metadata=carried, **options)
        return _UnaryCall(attempt, timeout, repeatable=self._idempotent or bool(getattr(request, "request_id", "")))


def _own_wait(request: Any) -> float:
    """How long the request itself asks the server to wait: `wait` in a long poll."""
    wait = getattr(request, "wait", None)
    return min(max(wait.seconds + 1, 0), _LONGEST_WAIT) if isinstance(wait, Duration) else 0


class _UnaryCall:
    """One call, and its repeats; all else is gRPC's own call object's, the last attempt's."""

    def __init__(self, attempt: Callable[..., Any], timeout: float, *, repeatable: bool) -> None:
        self._attempt = attempt
        self._until = time.monotonic() + timeout
        self._repeatable = repeatable
        self._call = attempt(timeout=timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from self._call.__await__())
        except grpc.aio.AioRpcError as error:
            if not self._again(error):
                raise from_rpc_error(error) from error
            failed = error
        return (yield from self._repeated(failed).__await__())

    async def _repeated(self, error: grpc.aio.AioRpcError) -> Any:
        pause = _FIRST_PAUSE
        for _ in range(ATTEMPTS - 1):
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads repeats, keeps no secret
            pause *= 2
            remaining = self._until - time.monotonic()
            if remaining <= 0 or not self._again(error):
                break
            self._call = self._attempt(timeout=remaining)
            try:
                return await self._call
            except grpc.aio.AioRpcError as latest:
                error = latest
        raise from_rpc_error(error) from error

    def _again(self, error: grpc.aio.AioRpcError) -> bool:
        """Whether the call may be made again: a server that stops has not begun with it, or a repeat does no harm."""
        code = error.code()
        return code is grpc.StatusCode.CANCELLED or (self._repeatable and code is grpc.StatusCode.UNAVAILABLE)


class _StreamMethod:
    """Calls without a deadline: a stream lasts as long as it lasts."""

    def __init__(self, method: Any, authorization: str) -> None:
        self._method = method
        self._authorization = authorization

    def __call__(self, *requests: Any, metadata: Metadata = (), **options: Any) -> "_StreamCall":
        carried = (*metadata, *call_metadata(current_call.get(), self._authorization))
        return _StreamCall(self._method(*requests, metadata=carried, **options))


class _StreamCall:
    """A stream that raises ServiceErrors; all else is gRPC's own call object's."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from self._call.__await__())
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for answer in self._call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def read(self) -> Any:
        """The next answer, or `grpc.aio.EOF`."""
        try:
            return await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def write(self, request: Any) -> None:
        """Sends a message."""
        try:
            await self._call.write(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
