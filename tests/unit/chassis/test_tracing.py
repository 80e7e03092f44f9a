import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest, Task

from chassis.caller import current_call, traceparent
from chassis.errors import Conflict, Internal, ServiceError
from chassis.tracing import spans_of

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
METADATA = (
    ("traceparent", f"00-{TRACE}-{PARENT}-01"),
    ("x-request-id", "the-request"),
    ("tracestate", "rojo=1"),
    ("tracestate", "congo=2"),
)
GET_TASK = GetTaskRequest(id="0194e7a4-0000-7000-8000-000000000000")


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def span(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield spans_of(provider.get_tracer("test"))
    provider.shutdown()


@pytest.fixture
def spans(serve, client, span, exporter):
    """The spans of one call of GetTask."""

    async def called(get_task):
        stub = client(await serve(GetTask=get_task, span=span))
        with capture_logs():
            try:
                await stub.GetTask(GET_TASK, metadata=METADATA)
            except ServiceError as error:
                return exporter.get_finished_spans(), error
        return exporter.get_finished_spans(), None

    return called


async def test_a_call_is_a_span_below_its_callers_and_above_what_it_calls(spans):
    seen = []

    async def get_task(_request, _context):
        seen.append((traceparent(), current_call.get().tracestate))
        return Task()

    (made,), _ = await spans(get_task)
    assert made.name == "taskbell.tasks.v1.TaskService/GetTask"
    assert made.kind is SpanKind.SERVER
    assert made.attributes["taskbell.request_id"] == "the-request"
    assert f"{made.context.trace_id:032x}" == TRACE
    assert f"{made.parent.span_id:016x}" == PARENT
    assert seen == [(f"00-{TRACE}-{made.context.span_id:016x}-01", "rojo=1,congo=2")]


@pytest.mark.parametrize(
    ("raised", "told", "status"),
    [(Conflict("yours"), Conflict, StatusCode.UNSET), (KeyError("ours"), Internal, StatusCode.ERROR)],
)
async def test_only_our_own_failures_are_failures_of_the_span(spans, raised, told, status):
    async def get_task(_request, _context):
        raise raised

    (made,), error = await spans(get_task)
    assert type(error) is told
    assert made.status.status_code is status
