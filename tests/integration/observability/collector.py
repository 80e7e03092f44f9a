"""An OpenTelemetry collector that remembers: spans over OTLP, and which service sent them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

KINDS = trace_pb2.Span.SpanKind


@dataclass(frozen=True, slots=True)
class Span:
    """A span, as it was received."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    """The spans that it is linked to."""
    attributes: dict[str, Any]
    failed: bool
    start: int
    end: int


class Collector(TraceServiceServicer):
    """Serves while its block runs."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.address = ""
        self._server = grpc.aio.server()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        add_TraceServiceServicer_to_server(self, self._server)
        self.address = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(0)

    async def Export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:
        for resource in request.resource_spans:
            service = _values(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_received(service, span) for span in scope.spans]
        async with self._changed:
            self._changed.notify_all()
        return ExportTraceServiceResponse()

    async def until(self, complete: Callable[[list[Span]], bool]) -> list[Span]:
        """What has come, once it is complete."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: complete(self.spans))
        return self.spans

    async def trace(self, trace_id: str, names: set[str]) -> list[Span]:
        """The spans of a trace, once those of these names have come."""

        def of_trace(spans: list[Span]) -> list[Span]:
            return [span for span in spans if span.trace == trace_id]

        return of_trace(await self.until(lambda spans: names <= {span.name for span in of_trace(spans)}))


def _received(service: str, span: trace_pb2.Span) -> Span:
    return Span(
        service=service,
        name=span.name,
        kind=KINDS.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple(link.span_id.hex() for link in span.links),
        attributes=_values(span.attributes),
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
    )


def _values(attributes: Any) -> dict[str, Any]:
    def value(pair: KeyValue) -> Any:
        return getattr(pair.value, pair.value.WhichOneof("value") or "string_value")

    return {pair.key: value(pair) for pair in attributes}
