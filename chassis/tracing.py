"""Traces: a span for each call, below its caller's, and for what a call leads to later, in the call's own trace.

Without a collector there are no spans, and the part of OpenTelemetry that makes them is not even loaded.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeAlias

from opentelemetry import trace
from opentelemetry.trace import Link, ProxyTracerProvider, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.caller import Call
from chassis.errors import ServiceError, http_status
from chassis.interceptors import Span as CallSpan
from chassis.interceptors import untraced
from chassis.settings import ServiceSettings

Attributes: TypeAlias = Mapping[str, str | int]

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_SERVERS_FAULT: Final = 500
_SAMPLED: Final = frozenset("13579bdf")
"""The last digit of a trace context whose lowest flag is set."""


@contextmanager
def tracing(service: str, settings: ServiceSettings) -> Iterator[None]:
    """Sends traces to the collector while the block runs; does nothing without one."""
    if not settings.otlp_endpoint:
        yield
        return
    # 12 MB and a third of a second, for those who trace.
    from chassis.trace_export import exporting  # noqa: PLC0415

    with exporting(service, settings.otlp_endpoint, settings.trace_sampling):
        yield


def rpc_attributes(name: str) -> Attributes:
    """What tells of a gRPC method: `package.Service/Method`."""
    return {"rpc.system": "grpc", "rpc.method": name}


def http_attributes(name: str) -> Attributes:
    """What tells of a REST route: `GET /v1/tasks/{id}`."""
    method, _, route = name.partition(" ")
    return {"http.request.method": method, "http.route": route}


def bus_attributes(event_id: str) -> Attributes:
    """What tells of an event on the bus."""
    from chassis.jetstream import STREAM  # noqa: PLC0415 - whoever has no bus has no client of it either

    return {"messaging.system": "nats", "messaging.destination.name": STREAM, "messaging.message.id": event_id}


def server_span(attributes: Callable[[str], Attributes] = rpc_attributes) -> CallSpan:
    """What opens a call's span in this process: nothing, unless it traces."""
    tracer = _tracer()
    return untraced if tracer is None else spans_of(tracer, attributes)


def spans_of(tracer: Tracer, attributes: Callable[[str], Attributes] = rpc_attributes) -> CallSpan:
    """Opens a span for each call, below the caller's; what the call calls in turn is below that one."""

    @contextmanager
    def span(name: str, call: Call) -> Iterator[None]:
        with tracer.start_as_current_span(
            name,
            _PROPAGATOR.extract({"traceparent": call.traceparent, "tracestate": call.tracestate}),
            kind=SpanKind.SERVER,
            attributes={**attributes(name), "taskbell.request_id": call.request_id},
            record_exception=False,
            set_status_on_exception=False,
        ) as current:
            call.traceparent = traceparent_of(current)
            call.tracestate = current.get_span_context().trace_state.to_header()
            try:
                yield
            except Exception as error:
                current.set_attribute("error.type", getattr(error, "reason", type(error).__name__))
                # A caller's mistake is no failure of the server.
                if not isinstance(error, ServiceError) or http_status(error) >= _SERVERS_FAULT:
                    current.record_exception(error)
                    current.set_status(Status(StatusCode.ERROR))
                raise

    return span


class Followers:
    """Spans of one kind of work that calls led to and did not wait for: in each call's trace, if that is recorded."""

    def __init__(self, kind: SpanKind) -> None:
        """To be made after the process has begun to trace."""
        self._kind = kind
        self._tracer = _tracer()

    def begin(
        self,
        name: str,
        traceparent: str,
        attributes: Attributes,
        *,
        link: str = "",
        since: int | None = None,
    ) -> Span:
        """A span in the trace of that call, which lasts until it is ended; the one of `link` led to it directly.

        It began at `since`, in nanoseconds, if that isn't now.
        """
        if self._tracer is None or traceparent[-1:] not in _SAMPLED:
            return trace.INVALID_SPAN
        linked = trace.get_current_span(_PROPAGATOR.extract({"traceparent": link})).get_span_context()
        return self._tracer.start_span(
            name,
            _PROPAGATOR.extract({"traceparent": traceparent}),
            kind=self._kind,
            attributes=attributes,
            links=[Link(linked)] if linked.is_valid else (),
            start_time=since,
        )


def traceparent_of(span: Span) -> str:
    """The span as W3C trace context; empty if it is none."""
    context = span.get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def failed(span: Span, error: BaseException) -> None:
    """Notes on a span what went wrong."""
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR))


def _tracer() -> Tracer | None:
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, ProxyTracerProvider) else provider.get_tracer("taskbell")
