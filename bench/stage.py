"""A stack of its own for the benchmarks, with somebody signed in; durable as in production."""

import json
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio
from taskbell.tasks.v1.tasks_pb2 import CreateTaskRequest, Task, UpdateTaskRequest
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

from devstack.stack import Stack

if TYPE_CHECKING:
    from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceAsyncStub  # in the stub file only

UNLIMITED = {"TASKBELL_RATE_LIMITS": "off", "TASKBELL_MAX_CONNECTIONS_PER_ADDRESS": "10000"}
ACCOUNT = {"username": "bench", "email": "bench@example.com", "password": "benchmarks run long"}


@dataclass(frozen=True, slots=True)
class Stage:
    """The stack, and who calls it."""

    stack: Stack
    token: str
    user_id: str
    project_id: str
    tasks: "TaskServiceAsyncStub"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What each call carries."""
        return (("authorization", f"Bearer {self.token}"),)

    async def create(self, task: Task) -> Task:
        """Creates a task."""
        return await self.tasks.CreateTask(CreateTaskRequest(task=task), metadata=self.metadata)

    async def update(self, request: UpdateTaskRequest) -> Task:
        """Changes a task."""
        return await self.tasks.UpdateTask(request, metadata=self.metadata)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """One of each service, on free ports, in a folder that is thrown away; without limits of rates."""
    with tempfile.TemporaryDirectory(prefix="taskbell-bench-") as folder:
        async with Stack(data_dir=Path(folder) / "data", environment=UNLIMITED) as stack:
            user = post(stack, "/v1/users", ACCOUNT)
            session = post(stack, "/v1/sessions", {name: ACCOUNT[name] for name in ("username", "password")})
            async with grpc.aio.insecure_channel(stack.tasks_address) as channel:
                yield Stage(
                    stack, session["accessToken"], user["id"], user["personalProjectId"], TaskServiceStub(channel)
                )


def post(stack: Stack, path: str, body: Any, token: str = "") -> Any:
    """A REST call."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(stack.http_url + path, json.dumps(body).encode(), headers)  # noqa: S310  # our own
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # as above
        return json.load(response)
