"""Where spans go: to a collector, in batches, from a thread of their own."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

_PATIENCE: Final = 5.0
"""Seconds that a batch may take; a collector that is away costs spans, and must not hold up the end of the process."""


@contextmanager
def exporting(service: str, endpoint: str, ratio: float) -> Iterator[None]:
    """Makes this process trace while the block runs: whatever its caller traces and, of the rest, that share."""
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(ratio),
        resource=Resource.create(
            {"service.name": service, "service.instance.id": f"{socket.gethostname()}/{os.getpid()}"}
        ),
    )
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_PATIENCE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
