"""What a process tells of itself: structured logs, traces when somebody collects them."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.caller import Call, current_call
from chassis.errors import ServiceError, http_status
from chassis.interceptors import Span, untraced
from chassis.settings import ServiceSettings

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_SERVERS_FAULT = 500


def configure_logs(service: str, settings: ServiceSettings) -> None:
    """One line an event on stdout, as JSON or for people's eyes; the libraries' own logs come the same way."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _whose(service),
        structlog.processors.StackInfoRenderer(),
    ]
    rendered: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if settings.log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    )
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    # What a library says below a warning is for those who debug.
    logging.basicConfig(
        level=logging.DEBUG if level == logging.DEBUG else logging.WARNING, handlers=[handler], force=True
    )


def _whose(service: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> Mapping[str, Any]:
        event["service"] = service
        call = current_call.get()
        if call.request_id:
            event["request_id"] = call.request_id
        if call.traceparent:
            event["trace_id"] = call.traceparent.split("-")[1] if "-" in call.traceparent else ""
        return event

    return add


@contextmanager
def tracing(service: str, endpoint: str) -> Iterator[None]:
    """Sends traces to the collector while the block runs; does nothing without one."""
    if not endpoint:
        yield
        return
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True)))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


def server_span() -> Span:
    """What opens a call's span in this process: nothing, unless it traces."""
    provider = trace.get_tracer_provider()
    return spans_of(provider) if isinstance(provider, TracerProvider) else untraced


def spans_of(provider: trace.TracerProvider) -> Span:
    """Opens a span for each call, below the caller's; what the call calls in turn is below that one."""
    tracer = provider.get_tracer("taskbell")

    @contextmanager
    def span(path: str, call: Call) -> Iterator[None]:
        parent = _PROPAGATOR.extract({"traceparent": call.traceparent})
        name = path.removeprefix("/")
        attributes = {
            "rpc.system": "grpc",
            "rpc.method": name,
            "taskbell.request_id": call.request_id,
        }
        with tracer.start_as_current_span(
            name,
            parent,
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as current:
            carrier: dict[str, str] = {}
            _PROPAGATOR.inject(carrier)
            call.traceparent = carrier.get("traceparent", "")
            try:
                yield
            except Exception as error:
                # A caller's mistake is no failure of the server.
                if not isinstance(error, ServiceError) or http_status(error) >= _SERVERS_FAULT:
                    current.record_exception(error)
                    current.set_status(Status(StatusCode.ERROR))
                raise

    return span
