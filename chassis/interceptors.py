"""What happens around every call, whatever its service: one pass, its rules resolved once a method.

Opened: request id, trace, deadline, credentials. Admitted: by the method's access option. Validated: by the rules in
its proto. Then the servicer. What it raises becomes a status; how it ended is counted.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, aclosing, nullcontext
from inspect import isasyncgenfunction
from typing import Any, Final, TypeAlias, TypeVar

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from grpc import StatusCode

from chassis.access import Admission, Gate
from chassis.caller import (
    REQUEST_ID,
    Call,
    accepted_request_id,
    accepted_traceparent,
    accepted_tracestate,
    current_call,
)
from chassis.errors import (
    Internal,
    MalformedMessage,
    MethodNotImplemented,
    ServiceError,
    from_rpc_error,
    to_status,
)
from chassis.rpc_metrics import MethodMetrics
from chassis.service_error import STATUS_KEY
from chassis.validation import validate

T = TypeVar("T")
Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Span: TypeAlias = Callable[[str, Call], AbstractContextManager[object]]

_NO_SPAN: Final = nullcontext()
_log = structlog.get_logger()


def untraced(_method: str, _call: Call) -> AbstractContextManager[object]:
    """The span of a process that traces nothing."""
    return _NO_SPAN


def intercepted(handler: Handler, method: MethodDescriptor, gate: Gate, span: Span) -> Handler:
    """The handler with everything around it. Raises AccessNotDeclared for a method that doesn't say who may call it."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    return _Interception(path, gate.admission(method), span).around(handler)


async def tell_open(context: Context) -> None:
    """Tells the client that it was let in, at once and not with the first answer, which may be long in coming."""
    await context.send_initial_metadata(((REQUEST_ID, current_call.get().request_id),))


class _Interception:
    """One method's way from the wire to its servicer and back."""

    def __init__(self, path: str, admission: Admission | None, span: Span) -> None:
        self._path = path
        self._name = path.removeprefix("/")
        self._admission = admission
        self._span = span
        self._metrics = MethodMetrics(self._name)

    def around(self, handler: Handler) -> Handler:
        """The same kind of handler, with this interception around its behaviour.

        Requests are parsed and a single answer serialised in here: a failure of either is told like any other.
        """
        match handler.request_streaming, handler.response_streaming:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(self._unary_unary(handler))
            case False, True:
                return grpc.unary_stream_rpc_method_handler(
                    self._unary_stream(handler), response_serializer=_serialiser(handler)
                )
            case True, False:
                return grpc.stream_unary_rpc_method_handler(self._stream_unary(handler))
            case _:
                return grpc.stream_stream_rpc_method_handler(
                    self._stream_stream(handler), response_serializer=_serialiser(handler)
                )

    def _unary_unary(self, handler: Handler) -> Any:
        behaviour: Any = handler.unary_unary
        parse, serialise = _codec(handler)

        async def answer(raw: bytes, context: Context, call: Call) -> bytes:
            call.request = request = _parsed(parse, raw)
            if self._admission is not None:
                await self._admission(call)
            validate(request)
            return serialise(await behaviour(request, context))

        async def unary_unary(raw: bytes, context: Context) -> bytes:
            call = _opened(context)
            return await self._conducted(answer(raw, context, call), context, call)

        return unary_unary

    def _unary_stream(self, handler: Handler) -> Any:
        answers = _writer(handler.unary_stream)
        parse, _ = _codec(handler)

        async def stream(raw: bytes, context: Context, call: Call) -> None:
            request = _parsed(parse, raw)
            if self._admission is not None:
                await self._admission(call)
            validate(request)
            with self._metrics.streams.track_inprogress():
                await answers(request, context)

        async def unary_stream(raw: bytes, context: Context) -> None:
            call = _opened(context)
            await self._conducted(stream(raw, context, call), context, call)

        return unary_stream

    def _stream_unary(self, handler: Handler) -> Any:
        behaviour: Any = handler.stream_unary
        parse, serialise = _codec(handler)

        async def answer(requests: AsyncIterator[bytes], context: Context, call: Call) -> bytes:
            if self._admission is not None:
                await self._admission(call)
            return serialise(await behaviour(Validated(requests, parse), context))

        async def stream_unary(requests: AsyncIterator[bytes], context: Context) -> bytes:
            call = _opened(context)
            return await self._conducted(answer(requests, context, call), context, call)

        return stream_unary

    def _stream_stream(self, handler: Handler) -> Any:
        answers = _writer(handler.stream_stream)
        parse, _ = _codec(handler)

        async def stream(requests: AsyncIterator[bytes], context: Context, call: Call) -> None:
            if self._admission is not None:
                await self._admission(call)
            with self._metrics.streams.track_inprogress():
                await answers(Validated(requests, parse), context)

        async def stream_stream(requests: AsyncIterator[bytes], context: Context) -> None:
            call = _opened(context)
            await self._conducted(stream(requests, context, call), context, call)

        return stream_stream

    async def _conducted(self, work: Coroutine[Any, Any, T], context: Context, call: Call) -> T:
        started = time.perf_counter()
        code = StatusCode.OK
        try:
            with self._span(self._name, call):
                return await work
        except asyncio.CancelledError:
            late = call.deadline is not None and time.monotonic() >= call.deadline
            code = StatusCode.DEADLINE_EXCEEDED if late else StatusCode.CANCELLED
            raise
        except grpc.aio.BaseError:
            # Aborted by the servicer itself, or the client has gone: gRPC knows what to do.
            code = context.code() or StatusCode.CANCELLED
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told by a status
            told = self._told(error)
            code = told.code
            status = to_status(told)
            details = (STATUS_KEY, status.SerializeToString())
            await context.abort(code, status.message, (*context.trailing_metadata(), details))
        finally:
            seconds = time.perf_counter() - started
            self._metrics.record(code, seconds)
            _log.debug("answered", method=self._name, code=code.name, seconds=seconds)

    def _told(self, error: Exception) -> ServiceError:
        """What the caller is told of it. What nobody foresaw is told to the log instead."""
        if isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            return self._told(error.exceptions[0])  # a task group's way to raise
        match error:
            case ServiceError():
                return error
            case grpc.RpcError():
                return from_rpc_error(error)
            case NotImplementedError():
                return MethodNotImplemented(f"{self._path} is not implemented.")
        _log.error("call failed", method=self._path, exc_info=error)
        return Internal("Something went wrong on our side; our log tells more under the request id.")


class Validated:
    """A client's messages, each checked as it arrives. After one that is refused the next one can still be read."""

    def __init__(self, messages: AsyncIterator[bytes], parse: Callable[[bytes], Message]) -> None:
        self._messages = messages
        self._parse = parse
        self.latest: Message | None = None
        """The message that came last, also if it was refused."""

    def __aiter__(self) -> "Validated":
        return self

    async def __anext__(self) -> Message:
        self.latest = None
        self.latest = message = _parsed(self._parse, await anext(self._messages))
        validate(message)
        return message


def _opened(context: Context) -> Call:
    call = Call()
    tracestate: list[str] = []
    metadata: Any = context.invocation_metadata()  # a tuple of pairs, which the stubs don't say
    for key, value in metadata:
        if key == "authorization":
            call.authorization = value
        elif key == REQUEST_ID:
            call.request_id = value
        elif key == "traceparent":
            call.traceparent = accepted_traceparent(value)
        elif key == "tracestate":
            tracestate.append(value)
    call.request_id = accepted_request_id(call.request_id)
    if tracestate:
        call.tracestate = accepted_tracestate(tracestate, call.traceparent)
    remaining: float | None = context.time_remaining()  # the stubs forget calls without a deadline
    if remaining is not None:
        call.deadline = time.monotonic() + remaining
    # Never reset: each call is a task of its own.
    current_call.set(call)
    context.set_trailing_metadata(((REQUEST_ID, call.request_id),))
    return call


def _codec(handler: Handler) -> tuple[Callable[[bytes], Message], Callable[[Message], bytes]]:
    parse, serialise = handler.request_deserializer, handler.response_serializer
    if parse is None or serialise is None:
        raise TypeError("a handler without a codec")
    return parse, serialise


def _serialiser(handler: Handler) -> Callable[[Message | bytes], bytes]:
    """Of a stream's answers. A servicer that tells the same to many may serialise it itself, once."""
    _, serialise = _codec(handler)
    return lambda answer: answer if isinstance(answer, bytes) else serialise(answer)


def _parsed(parse: Callable[[bytes], Message], raw: bytes) -> Message:
    try:
        return parse(raw)
    except DecodeError:
        raise MalformedMessage("The message can't be parsed.") from None


def _writer(behaviour: Any) -> Callable[[Any, Context], Awaitable[None]]:
    """A stream's answers, whether its servicer yields them or writes them itself, and then tells of its opening too."""
    if not isasyncgenfunction(behaviour):
        writes: Callable[[Any, Context], Awaitable[None]] = behaviour
        return writes

    async def write_all(request: Any, context: Context) -> None:
        await tell_open(context)
        async with aclosing(behaviour(request, context)) as answers:
            async for answer in answers:
                await context.write(answer)

    return write_all
