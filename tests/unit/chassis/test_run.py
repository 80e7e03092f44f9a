"""A process of ours from start to end: a real one, told by real signals."""

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest, StartTaskRequest

from chassis.errors import ServiceError
from chassis.grpc_client import channel
from tests.unit.chassis.conftest import stubs

ID = "0194e7a4-0000-7000-8000-000000000000"


class Process:
    """The probe service and what it logs."""

    def __init__(self, child):
        self.child = child
        self.events = []

    async def event(self, name):
        """The next log line with this event."""
        while line := await self.child.stdout.readline():
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == name:
                return self.events[-1]
        raise AssertionError(f"no {name!r} in {self.events}, but {(await self.child.stderr.read()).decode()}")

    async def end(self):
        """Its exit code, when all that it logged has been read."""
        while line := await self.child.stdout.readline():
            self.events.append(json.loads(line))
        return await self.child.wait()

    def logged(self, name):
        return [event for event in self.events if event["event"] == name]


@pytest.fixture
async def launched():
    children = []

    async def launch(*workers, **settings):
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.unit.chassis.probe_service",
            *workers,
            env=os.environ | {"TASKBELL_SERVICE_KEY": "0123456789abcdef"} | settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        children.append(child)
        return Process(child)

    yield launch
    for child in children:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@pytest.fixture
async def dial():
    channels = []

    def dialled(listening):
        channels.append(channel(listening["grpc"], authorization="Bearer person"))
        return stubs(channels[-1])

    yield dialled
    for each in channels:
        await each.close()


async def _wait(call):
    return await call


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_tells_that_it_leaves_finishes_what_is_in_flight_and_ends_well(launched, dial, number):
    process = await launched("tidy")
    listening = await process.event("listening")
    async with grpc.aio.insecure_channel(listening["grpc"]) as bare:
        watch = health_pb2_grpc.HealthStub(bare).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        call = asyncio.ensure_future(_wait(dial(listening).GetTask(GetTaskRequest(id=ID))))
        await process.event("begun")
        process.child.send_signal(number)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await call).id == ID
    assert await process.end() == 0
    assert [event["event"] for event in process.events] == ["listening", "begun", "stopping", "tidied", "stopped"]


async def test_its_logs_say_which_service_and_which_call_they_are_of(launched, dial):
    process = await launched("tidy")
    listening = await process.event("listening")
    assert listening["service"] == "__main__"
    metadata = (("x-request-id", "the-request"), ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"))
    call = asyncio.ensure_future(_wait(dial(listening).GetTask(GetTaskRequest(id=ID), metadata=metadata)))
    begun = await process.event("begun")
    assert (begun["request_id"], begun["trace_id"], begun["level"]) == ("the-request", "a" * 32, "info")
    process.child.terminate()
    await call


async def test_the_metrics_count_its_calls(launched, dial):
    listening = await (process := await launched()).event("listening")
    with pytest.raises(ServiceError):
        await dial(listening).GetTask(GetTaskRequest(id="42"))

    def fetch():
        with urllib.request.urlopen(f"http://{listening['metrics']}/metrics") as answer:
            return answer.read().decode()

    counted = 'taskbell_grpc_requests_total{code="INVALID_ARGUMENT",method="taskbell.tasks.v1.TaskService/GetTask"} 1.0'
    async with asyncio.timeout(30):
        # A call is counted when it has ended, which may be a moment after its answer has come.
        while counted not in (await asyncio.to_thread(fetch)).splitlines():
            pass
    process.child.terminate()
    assert await process.end() == 0


async def test_a_second_signal_ends_it_at_once(launched, dial):
    process = await launched()
    listening = await process.event("listening")
    call = asyncio.ensure_future(_wait(dial(listening).StartTask(StartTaskRequest(id=ID))))
    await process.event("begun")
    process.child.terminate()
    await process.event("stopping")
    process.child.terminate()
    assert await process.end() == 1
    with pytest.raises(ServiceError):
        await call


async def test_a_call_and_a_worker_that_do_not_end_are_cancelled_after_the_grace_period(launched, dial):
    process = await launched("stuck", TASKBELL_GRACE="0.1s")
    listening = await process.event("listening")
    call = asyncio.ensure_future(_wait(dial(listening).StartTask(StartTaskRequest(id=ID))))
    await process.event("begun")
    process.child.terminate()
    assert await process.end() == 0
    assert process.logged("a worker didn't stop in time")[0]["worker"] == "Stuck"
    with pytest.raises(ServiceError):
        await call


async def test_a_worker_that_dies_takes_the_process_down_with_its_error_in_the_log(launched):
    process = await launched("tidy", "dying")
    assert await process.end() == 1
    assert "RuntimeError: the worker's heart stopped" in process.logged("crashed")[0]["exception"]


async def test_wrong_settings_end_it_before_anything_is_opened(launched):
    process = await launched(TASKBELL_PROBE_PORT="many", TASKBELL_SERVICE_KEY="short")
    assert await process.end() == 78
    told = (await process.child.stderr.read()).decode()
    assert "TASKBELL_PROBE_PORT is 'many'" in told
    assert "TASKBELL_SERVICE_KEY (hidden)" in told
    assert process.events == []


async def test_what_stands_in_its_way_is_told_without_a_traceback(launched):
    process = await launched("unready")
    assert await process.end() == 1
    (line,) = process.events
    assert (line["event"], line["reason"]) == ("can't start", "the schema is not migrated")
    assert "exception" not in line


@pytest.mark.parametrize("variable", ["TASKBELL_PROBE_PORT", "TASKBELL_METRICS_PORT"])
async def test_a_port_that_is_taken_is_told_and_ends_it(launched, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await launched("tidy", **{variable: port})
        assert await process.end() == 1
    assert port in process.logged("can't start")[0]["reason"]
