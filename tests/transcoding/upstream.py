"""The echo service: keeps what it was asked, and answers with that or with what it was told to."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, cast

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.transcoding.echo_types import message, message_type, services

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class Upstream:
    """A gRPC server of the echo service on a free port."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Message]] = []
        self.answer: str | None = None
        """What the next calls are answered with, in protobuf's text format; None: with their request."""
        self.cancelled = asyncio.Event()
        """A stream ended because its client went."""
        self.port = 0
        self._server = grpc.aio.server()
        for service in services():
            handlers = {method.name: self._handler(method) for method in service.methods}
            self._server.add_registered_method_handlers(service.full_name, handlers)

    async def start(self) -> None:
        """Serves from now on."""
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def stop(self) -> None:
        """Serves no longer."""
        await self._server.stop(0)

    def _handler(self, method: MethodDescriptor) -> "grpc.RpcMethodHandler[Any, Any]":
        behaviour: dict[str, Any] = {
            "Fail": self._fail,
            "List": self._list,
            "ListNames": self._list,
            "Talk": self._talk,
            "Gather": self._gather,
        }
        asked = f"{'stream' if method.client_streaming else 'unary'}"
        answered = f"{'stream' if method.server_streaming else 'unary'}"
        made: grpc.RpcMethodHandler[Any, Any] = getattr(grpc, f"{asked}_{answered}_rpc_method_handler")(
            behaviour.get(method.name) or self._echo(method),
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
        return made

    def _echo(self, method: MethodDescriptor) -> Any:
        answers = GetMessageClass(method.output_type)

        async def echo(request: Message, _context: Any) -> Message:
            self.calls.append((method.name, request))
            if self.answer is not None:
                return message(answers, self.answer)
            return request if isinstance(request, answers) else answers()

        return echo

    async def _fail(self, request: Any, context: Any) -> None:
        self.calls.append(("Fail", request))
        await context.abort(_CODES[request.number], "as asked")

    async def _list(self, request: Any, context: Any) -> AsyncIterator[Message]:
        self.calls.append(("List", request))
        for part in request.parts:
            yield part
        if request.flag:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        if request.number:
            await context.abort(_CODES[request.number], "as asked")

    async def _gather(self, requests: AsyncIterator[Any], context: Any) -> Message:
        gathered: Any = message_type("Everything")()
        async for part in requests:
            gathered.parts.append(part)
            if part.count < 0:
                await context.abort(_CODES[-part.count], "as asked")
        self.calls.append(("Gather", gathered))
        return cast("Message", gathered)

    async def _talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Message]:
        try:
            async for part in requests:
                if part.count:
                    await context.abort(_CODES[part.count], "as asked")
                yield part
        finally:
            self.cancelled.set()
