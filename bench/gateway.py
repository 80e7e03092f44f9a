"""REST: a GET through our gateway, through Envoy before the same tasksvc, and from FastAPI's memory; a list's JSON."""

import asyncio
import json
import os
import sys
import urllib.request
from pathlib import Path
from time import perf_counter
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from taskbell.tasks.v1 import tasks_pb2
from taskbell.tasks.v1.tasks_pb2 import ListTasksRequest, ListTasksResponse, Task

from bench.calls import process, rounds
from bench.load import Get, Measured
from bench.report import Row
from bench.stage import Stage
from devstack.envoy import Envoy
from devstack.ports import free_port
from devstack.probe import serves_http
from devstack.process import Process
from gatewaysvc.to_json import to_json

TASKS = 50
ROUNDS = 200


async def rest(stage: Stage) -> list[Row]:
    """Rates of the same GET, side by side, and what it costs each front; then a list of 50 tasks as JSON."""
    for number in range(TASKS):
        labels = ["indoors", "kitchen"]
        task = Task(title=f"Paint wall {number}", description="Two coats, white. " * 5, labels=labels)
        task.payload.update({"file": f"/srv/photos/{number}.jpg"})
        created = await stage.create(task)
    path = f"/v1/tasks/{created.id}"
    answer = await asyncio.to_thread(_get, stage.stack.http_url + path, stage.token)
    envoys = Path(stage.stack.folder) / "envoy"
    envoy = Envoy(stage.stack.tasksvc.port, descriptor_set(), ["taskbell.tasks.v1.TaskService"], envoys)
    peer = _fastapi(stage, answer)
    noop = process(stage, "no-op", [sys.executable, "-m", "bench.noop"])
    await asyncio.gather(envoy.process.start(), peer.start(), noop.start())
    quick, hop = _gateway(stage, noop.address), _hop(stage, noop.address, created.id)
    await asyncio.gather(quick.start(), hop.start())
    gateway = stage.stack.gatewaysvc
    try:
        gets = [
            Get("gateway", stage.stack.http_url + path, stage.token, (gateway.pid,)),
            Get("envoy", f"http://{envoy.process.address}{path}", stage.token, (envoy.process.pid,)),
            Get("fastapi", f"http://{peer.address}{path}", stage.token, (peer.pid,)),
            Get("gateway alone", f"http://{quick.address}{path}", stage.token, (quick.pid,)),
            Get("hop", f"http://{hop.address}{path}", stage.token, (hop.pid,)),
        ]
        ours, theirs, memory, alone, bare = await rounds(gets)
    finally:
        await asyncio.gather(envoy.process.stop(), peer.stop(), quick.stop(), hop.stop())
        await noop.stop()
    return [
        _row("FastAPI, from memory", memory),
        _row(
            "bare aiohttp and the same gRPC call, before a no-op",
            bare,
            memory,
            of="of FastAPI: the most that a hop allows",
        ),
        _row("gatewaysvc, before a no-op", alone, bare, of="of the bare hop"),
        _row("the same", alone, memory, 0.9, "of FastAPI"),
        _row("Envoy, before tasksvc", theirs),
        _row("gatewaysvc, before tasksvc", ours, theirs, 0.85, "of Envoy"),
        *await _json(stage),
    ]


def _row(what: str, seen: Measured, peer: Measured | None = None, aim: float | None = None, of: str = "") -> Row:
    ratio = None if peer is None else seen.rate / peer.rate
    return Row("REST GET", what, seen.rate, "calls/s", ratio, aim, f"{of} {seen.cpu:.0f} us CPU a call".strip())


async def _json(stage: Stage) -> list[Row]:
    """A page of 50 tasks from bytes to JSON, by us and by protobuf's own."""
    page = await stage.tasks.ListTasks(ListTasksRequest(page_size=TASKS), metadata=stage.metadata)
    serialised = page.SerializeToString()

    def ours() -> str:
        return to_json(ListTasksResponse.FromString(serialised))

    def theirs() -> str:
        message = ListTasksResponse.FromString(serialised)
        return json_format.MessageToJson(message, always_print_fields_with_no_presence=True, indent=None)

    if json.loads(ours()) != json.loads(theirs()):
        sys.exit("our JSON is not protobuf's")
    plain, compiled = _microseconds(theirs), _microseconds(ours)
    return [
        Row("list of 50", "json_format", plain, "us"),
        Row("list of 50", "gatewaysvc", compiled, "us", plain / compiled, 3, "times as fast"),
    ]


def _microseconds(write: Any) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = perf_counter()
        write()
        best = min(best, perf_counter() - started)
    return best * 1e6


def descriptor_set() -> bytes:
    """The API of tasks with all that it imports, as Envoy takes it."""
    files: dict[str, FileDescriptor] = {}

    def add(file: FileDescriptor) -> None:
        for each in file.dependencies:
            add(each)
        files.setdefault(file.name, file)

    add(tasks_pb2.DESCRIPTOR)
    found = FileDescriptorSet()
    for file in files.values():
        file.CopyToProto(found.file.add())
    return found.SerializeToString()


def _get(url: str, token: str) -> str:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310  # our own gateway
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # as above
        text: str = response.read().decode()
    return text


def _gateway(stage: Stage, tasks_address: str) -> Process:
    """A gateway before another tasksvc, with calls that are not limited."""
    port = free_port()
    own = {"TASKBELL_HTTP_PORT": str(port), "TASKBELL_METRICS_PORT": "0", "TASKBELL_TASKS_ADDRESS": tasks_address}
    return Process(
        name="gateway-alone",
        port=port,
        command=[sys.executable, "-m", "gatewaysvc", "serve"],
        environment={**os.environ, **stage.stack.service_environment(), **own},
        folder=stage.stack.folder,
        ready=lambda: serves_http(port, "/healthz"),
    )


def _hop(stage: Stage, tasks_address: str, task_id: str) -> Process:
    port = free_port()
    return Process(
        name="hop",
        port=port,
        command=[sys.executable, "-m", "bench.peers.plain_hop", str(port), tasks_address, task_id],
        environment={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        folder=stage.stack.folder,
        ready=lambda: serves_http(port, "/healthz"),
    )


def _fastapi(stage: Stage, task: str) -> Process:
    port = free_port()
    return Process(
        name="fastapi",
        port=port,
        command=[sys.executable, "-m", "bench.fastapi_peer", str(port), task],
        environment={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        folder=stage.stack.folder,
        ready=lambda: serves_http(port, "/healthz"),
    )
