"""One trace from the browser's request to the mail, and log lines that name it."""

import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from devstack.process import Process
from devstack.stack import Stack
from tests.acceptance.conftest import Json
from tests.integration.observability.collector import Collector, Span
from tests.integration.observability.conftest import AddGateway, Newcomer
from tests.mailbox import Mailbox

GATEWAY, CALL = "POST /v1/tasks", "taskbell.tasks.v1.TaskService/CreateTask"
PUBLISH, PROCESS, MAIL = "publish task.created", "process task.created", "send mail"


LISTED = {"GET /v1/tasks", "taskbell.tasks.v1.TaskService/ListTasks"}


class Journey:
    """A task that somebody created from a browser, and where that led."""

    def __init__(self, spans: list[Span], request_id: str, browser: str) -> None:
        self.spans = spans
        self.request_id = request_id
        self.browser = browser
        """The browser's own span."""
        self.trace = spans[0].trace

    def span(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def journey(newcomer: Newcomer, mails: Mailbox, collector: Collector) -> Journey:
    ann = await newcomer()
    trace, span, request_id = secrets.token_hex(16), secrets.token_hex(8), f"browser-{secrets.token_hex(4)}"
    headers = {"traceparent": f"00-{trace}-{span}-01", "X-Request-Id": request_id}
    answer = await ann.ask("POST", "/v1/tasks", {"title": "Paint the fence", "assigneeId": ann.id}, **headers)
    assert answer.status == 200, answer
    await mails.arrived(f"to:{ann.user['email']}")
    return Journey(await collector.trace(trace, {GATEWAY, CALL, PUBLISH, PROCESS, MAIL}), request_id, span)


def lines(process: Process) -> list[Json]:
    return [json.loads(line) for line in Path(process.log_path).read_text("utf-8").splitlines()]


async def test_one_trace_leads_from_the_request_through_gateway_service_and_bus_to_the_mail(journey: Journey) -> None:
    gateway, call = journey.span(GATEWAY), journey.span(CALL)
    publish, process, mail = journey.span(PUBLISH), journey.span(PROCESS), journey.span(MAIL)
    assert (gateway.service, gateway.kind, gateway.parent) == ("gatewaysvc", "SERVER", journey.browser)
    assert (call.service, call.kind, call.parent) == ("tasksvc", "SERVER", gateway.id)
    assert (publish.service, publish.kind, publish.parent) == ("tasksvc", "PRODUCER", call.id)
    assert (process.service, process.kind, process.parent) == ("notifysvc", "CONSUMER", call.id)
    assert (mail.service, mail.kind, mail.parent) == ("notifysvc", "CLIENT", call.id)


async def test_the_span_that_processes_an_event_is_linked_to_the_one_that_published_it(journey: Journey) -> None:
    publish, process = journey.span(PUBLISH), journey.span(PROCESS)
    assert process.links == (publish.id,)
    assert process.attributes["messaging.message.id"] == publish.attributes["messaging.message.id"]
    assert publish.start <= process.end


async def test_a_span_names_its_request(journey: Journey) -> None:
    assert journey.span(GATEWAY).attributes["taskbell.request_id"] == journey.request_id
    assert journey.span(CALL).attributes["taskbell.request_id"] == journey.request_id
    assert journey.span(GATEWAY).attributes["http.route"] == "/v1/tasks"


async def test_the_logs_of_every_service_on_the_way_name_the_trace(journey: Journey, traced: Stack) -> None:
    for process, event in (
        (traced.gatewaysvc, "answered"),
        (traced.tasksvc, "answered"),
        (traced.notifysvc, "mail sent"),
    ):
        said = [line for line in lines(process) if line.get("trace_id") == journey.trace]
        assert event in {line["event"] for line in said}, process.name


async def test_the_logs_of_both_services_that_answered_name_the_request(journey: Journey, traced: Stack) -> None:
    for process in (traced.gatewaysvc, traced.tasksvc):
        said = [line for line in lines(process) if line.get("request_id") == journey.request_id]
        assert "answered" in {line["event"] for line in said}
        assert {line["trace_id"] for line in said} == {journey.trace}


async def test_a_refusal_is_told_in_the_span_and_is_no_failure_of_ours(
    newcomer: Newcomer, collector: Collector
) -> None:
    ann = await newcomer()
    trace = secrets.token_hex(16)
    answer = await ann.ask("GET", f"/v1/tasks/{ann.id}", traceparent=f"00-{trace}-{secrets.token_hex(8)}-01")
    assert answer.reason == "TASK_NOT_FOUND"
    spans = await collector.trace(trace, {"GET /v1/tasks/{id}", "taskbell.tasks.v1.TaskService/GetTask"})
    assert {(span.attributes["error.type"], span.failed) for span in spans} == {("TASK_NOT_FOUND", False)}


async def test_who_does_not_want_its_call_traced_is_heard(newcomer: Newcomer, collector: Collector) -> None:
    ann = await newcomer()
    unwanted, wanted = secrets.token_hex(16), secrets.token_hex(16)
    for trace, flag in ((unwanted, "00"), (wanted, "01")):
        await ann.ask("GET", "/v1/tasks", traceparent=f"00-{trace}-{secrets.token_hex(8)}-{flag}")
    await collector.trace(wanted, LISTED)
    assert unwanted not in {span.trace for span in collector.spans}


async def test_a_gateway_that_samples_nothing_still_traces_what_its_caller_traces(
    newcomer: Newcomer, collector: Collector, add_gateway: AddGateway
) -> None:
    unsampling = await add_gateway(TRACE_SAMPLING="0")
    ann = replace(await newcomer(), url=f"http://{unsampling.address}")
    trace, request_ids = secrets.token_hex(16), [secrets.token_hex(8) for _ in range(2)]
    await ann.ask("GET", "/v1/tasks", X_Request_Id=request_ids[0])
    traceparent = f"00-{trace}-{secrets.token_hex(8)}-01"
    await ann.ask("GET", "/v1/tasks", X_Request_Id=request_ids[1], traceparent=traceparent)
    await collector.trace(trace, LISTED)
    traced = {span.attributes.get("taskbell.request_id") for span in collector.spans}
    assert request_ids[1] in traced
    assert request_ids[0] not in traced
