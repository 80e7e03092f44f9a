"""Two replicas of tasksvc: what a worker does on one is seen at once on the other."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc.aio
import pytest
from taskbell.queues.v1 import queues_pb2 as queues
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest, Task
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from devstack.stack import ONE_OF_EACH, Stack
from tests.acceptance.conftest import Answer, Json, register
from tests.acceptance.test_main_job import frame, websocket
from tests.conftest import MakeStack


@pytest.fixture
async def pair(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A whole system with two tasksvc, between which the gateway turns about."""
    async with make_stack(replicas={**ONE_OF_EACH, "tasksvc": 2}) as running:
        yield running


async def test_every_change_by_a_worker_is_seen_at_once_on_every_replica_and_by_every_door(
    pair: Stack, http: aiohttp.ClientSession
) -> None:
    ann = await register(http, pair.http_url)
    here, there = [grpc.aio.insecure_channel(each.address) for each in pair.running["tasksvc"]]
    work = QueueServiceStub(here).Work(metadata=ann.metadata)
    seen: list[tuple[str, int]] = []

    async def look(task_id: str) -> None:
        request = GetTaskRequest(id=task_id)
        for channel in (there, here):
            task = await TaskServiceStub(channel).GetTask(request, metadata=ann.metadata)
            seen.append((Task.Status.Name(task.status), task.progress.percent))
        seen.extend([_told(await ann.ask("GET", f"/v1/tasks/{task_id}")) for _ in range(2)])

    async with here, there, websocket(ann) as socket:
        await socket.send_json({"subscribe": {"id": "mine", "project": ann.user["personalProjectId"]}})
        await frame(socket, "subscribed")
        task = await ann.make("/v1/tasks", title="Resize a photo", queue="photos")
        await look(task["id"])
        await work.write(queues.WorkRequest(hello=queues.WorkHello(queues=["photos"], credit=1)))
        (lease,) = (await _next(work, "leases")).leases
        await look(task["id"])
        report = queues.ReportProgressRequest(lease_id=lease.lease_id, percent=50)
        failed = queues.Answer(fail=queues.FailLeaseRequest(lease_id=lease.lease_id, error="no light"))
        await work.write(queues.WorkRequest(progress=report))
        await work.write(queues.WorkRequest(answers=queues.Answers(answers=[failed])))
        assert [each.reason for each in (await _next(work, "answered")).results] == [""]
        await look(task["id"])
        await work.done_writing()
        events: list[Json] = []
        while len(events) < 4:
            events += (await frame(socket, "events"))["events"]
    assert seen == [*[("PENDING", 0)] * 4, *[("IN_PROGRESS", 0)] * 4, *[("PENDING", 0)] * 4]
    assert [event["type"] for event in events] == [
        "task.created",
        "task.started",
        "task.progressed",
        "task.retried",
    ]


def _told(answer: Answer) -> tuple[str, int]:
    return str(answer.body["status"]), int(answer.body.get("progress", {}).get("percent", 0))


async def _next(work: Any, kind: str) -> Any:
    """The next message of this kind."""
    while not (message := await work.read()).HasField(kind):
        pass
    return getattr(message, kind)
