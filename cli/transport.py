"""How betterproto2's stubs reach a server: their four hooks, run over grpc.aio instead of grpclib.

Each call is signed with the credentials' token, and again with another one if the server says that the first is over.
A request that has a `request_id` gets one, so that whoever repeats it, gRPC or the caller, can't make the change twice.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import betterproto2
import grpc
import grpc.aio
from betterproto2.grpclib import ServiceStub

from chassis.errors import ServiceError, TokenExpired, TokenInvalid, Unavailable, from_rpc_error
from chassis.renewed_channel import RenewedChannel
from chassis.service_error import STATUS_KEY
from chassis.unreachable import why

if TYPE_CHECKING:
    from betterproto2.grpclib.grpclib_client import MetadataLike
    from grpclib.metadata import Deadline

    from cli.api.taskbell.accounts.v1 import AccountServiceStub
    from cli.credentials import Credentials

# Called as nobody: no token helps them, and a refused one would be renewed by calling them.
ANONYMOUS: Final = frozenset(
    {
        *("RegisterUser", "LogIn", "RefreshSession", "GetJwks"),
        *("ConfirmEmail", "RequestPasswordReset", "ResetPassword", "Unsubscribe"),
    }
)

_OPENING: Final = 2.0
"""Seconds that a server has to let a stream in before it is spoken to all the same."""

M = TypeVar("M", bound=betterproto2.Message)
Sign = tuple[tuple[str, str], ...]


class Transport(ServiceStub):
    """Mixed in ahead of a generated stub, it carries the stub's calls."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        credentials: "Credentials",
        accounts: "AccountServiceStub | None" = None,
        *,
        address: str = "",
        timeout: float | None = None,
    ) -> None:
        super().__init__(channel, timeout=timeout)  # type: ignore[arg-type]  # grpclib's channel is meant, and only our hooks use it
        self._address = address
        self._credentials = credentials
        self._accounts: AccountServiceStub = accounts or self  # type: ignore[assignment]  # AccountService's own stub is given none

    async def _unary_unary(
        self,
        route: str,
        request: Any,
        response_type: type[M],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the stubs' signature; gRPC itself keeps the deadline
        deadline: "Deadline | None" = None,
        metadata: "MetadataLike | None" = None,
    ) -> M:
        identify(request)
        call = self._rpc.unary_unary(route, request_serializer=bytes, response_deserializer=response_type.parse)
        seconds = self._seconds(timeout, deadline)
        return await self._signed(
            route, lambda sign: call(request, timeout=seconds, metadata=(*_pairs(metadata), *sign))
        )

    async def _stream_unary(
        self,
        route: str,
        request_iterator: Any,
        request_type: Any,
        response_type: type[M],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the stubs' signature; gRPC itself keeps the deadline
        deadline: "Deadline | None" = None,
        metadata: "MetadataLike | None" = None,
    ) -> M:
        del request_type
        call = self._rpc.stream_unary(route, request_serializer=bytes, response_deserializer=response_type.parse)
        sign = await self._sign(route)
        seconds = self._seconds(timeout, deadline)
        try:
            return await call(request_iterator, timeout=seconds, metadata=(*_pairs(metadata), *sign))
        except grpc.aio.AioRpcError as error:
            raise await self._seen(self._error(error), sign) from None

    async def _unary_stream(
        self,
        route: str,
        request: Any,
        response_type: type[M],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the stubs' signature; gRPC itself keeps the deadline
        deadline: "Deadline | None" = None,
        metadata: "MetadataLike | None" = None,
    ) -> AsyncIterator[M]:
        identify(request)
        call = self._rpc.unary_stream(route, request_serializer=bytes, response_deserializer=response_type.parse)
        # A stream lasts as long as it likes, unless this very call says otherwise.
        seconds = deadline.time_remaining() if deadline else timeout
        sign = await self._sign(route)
        message: M
        async for message in self._messages(call(request, timeout=seconds, metadata=(*_pairs(metadata), *sign)), sign):
            yield message

    async def _stream_stream(
        self,
        route: str,
        request_iterator: Any,
        request_type: Any,
        response_type: type[M],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the stubs' signature; gRPC itself keeps the deadline
        deadline: "Deadline | None" = None,
        metadata: "MetadataLike | None" = None,
    ) -> AsyncIterator[M]:
        del request_type
        call = self._rpc.stream_stream(route, request_serializer=bytes, response_deserializer=response_type.parse)
        seconds = deadline.time_remaining() if deadline else timeout
        sign = await self._sign(route)

        async def once_let_in() -> AsyncIterator[Any]:
            # What is said to a server that has refused already makes grpc.aio forget why.
            with suppress(TimeoutError, grpc.aio.AioRpcError):
                async with asyncio.timeout(_OPENING):
                    await answers.initial_metadata()
            if not answers.done():
                async for request in request_iterator:
                    yield request

        answers: Any = call(once_let_in(), timeout=seconds, metadata=(*_pairs(metadata), *sign))
        message: M
        async for message in self._messages(answers, sign):
            yield message

    @property
    def _rpc(self) -> grpc.aio.Channel:
        return self.channel  # type: ignore[return-value]  # see __init__

    def _seconds(self, timeout: float | None, deadline: "Deadline | None") -> float | None:
        if deadline is not None:
            return deadline.time_remaining()
        return self.timeout if timeout is None else timeout

    def _error(self, error: grpc.aio.AioRpcError) -> ServiceError:
        known = from_rpc_error(error)
        if isinstance(known, Unavailable) and not any(key == STATUS_KEY for key, _ in error.trailing_metadata()):
            # gRPC's own text is for those who know gRPC.
            reason = why(known.message, self._rpc.tls if isinstance(self._rpc, RenewedChannel) else None)
            return Unavailable(f"there is no answer from {self._address}{reason and f': {reason}'}")
        return known

    async def _sign(self, route: str) -> Sign:
        if route.rpartition("/")[2] in ANONYMOUS:
            return ()
        return _signed_with(await self._credentials.token(self._accounts))

    async def _signed(self, route: str, send: Callable[[Sign], Awaitable[M]]) -> M:
        sign = await self._sign(route)
        try:
            return await send(sign)
        except grpc.aio.AioRpcError as error:
            refusal = self._error(error)
        other = await self._renewed(refusal, sign)
        if not other:
            raise refusal
        try:
            return await send(other)
        except grpc.aio.AioRpcError as error:
            raise self._error(error) from None

    async def _messages(self, answers: Any, sign: Sign) -> AsyncIterator[M]:
        try:
            async for message in answers:
                yield message
        except grpc.aio.AioRpcError as error:
            raise await self._seen(self._error(error), sign) from None
        finally:
            answers.cancel()

    async def _seen(self, refusal: ServiceError, sign: Sign) -> ServiceError:
        """The refusal of a stream. It can't be repeated here, but whoever starts it anew has another token then."""
        await self._renewed(refusal, sign)
        return refusal

    async def _renewed(self, refusal: ServiceError, sign: Sign) -> Sign:
        if not sign or not isinstance(refusal, TokenExpired | TokenInvalid):
            return ()
        refused = sign[0][1].removeprefix("Bearer ")
        return _signed_with(await self._credentials.instead_of(refused, self._accounts))


def identify(request: Any) -> None:
    """Gives a request the id that makes its repeats safe, unless it has one."""
    if getattr(request, "request_id", None) == "":
        request.request_id = str(uuid.uuid4())


def _signed_with(token: str) -> Sign:
    return (("authorization", f"Bearer {token}"),) if token else ()


def _pairs(metadata: "MetadataLike | None") -> Iterable[tuple[str, str | bytes]]:
    if metadata is None:
        return ()
    return metadata.items() if hasattr(metadata, "items") else metadata
