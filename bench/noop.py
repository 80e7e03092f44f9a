"""A server that answers GetTask with the same task, made like tasksvc's: the floor that GetTask is measured against.

It reads the token once and validates each request, as tasksvc does; it looks nothing up.
"""

from typing import Any

import grpc
import jwt
from taskbell.tasks.v1 import tasks_pb2
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest, Task

from chassis.caller import Caller
from chassis.grpc_server import GrpcServer, Service
from chassis.run import launch, run
from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Where to listen."""

    tasks_port: int
    metrics_port: int = 0


class NoopServicer:
    """One answer for everybody."""

    def __init__(self) -> None:
        self._task = Task(title="Measure me", description="a hundred bytes or so " * 5, labels=["a", "b"], version=1)

    async def GetTask(self, _request: GetTaskRequest, _context: Any) -> Task:
        """The same task, whatever is asked for."""
        return self._task


class Believer:
    """Takes a token's word for it, once it has read it."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}

    async def authenticate(self, token: str) -> Caller:
        """The user whom the token names."""
        if token not in self._callers:
            claims = jwt.decode(token, options={"verify_signature": False})
            self._callers[token] = Caller(user_id=claims["sub"], session_id=claims["sid"])
        return self._callers[token]


def add_get_task(servicer: NoopServicer, server: Any) -> None:
    """What generated code would do for a service of this method alone."""
    handler = grpc.unary_unary_rpc_method_handler(servicer.GetTask, GetTaskRequest.FromString, Task.SerializeToString)
    server.add_registered_method_handlers("taskbell.tasks.v1.TaskService", {"GetTask": handler})


async def serve(settings: Settings) -> None:
    """Serves until told to stop."""
    service = Service(
        add_get_task,
        NoopServicer(),
        tasks_pb2.DESCRIPTOR.services_by_name["TaskService"],
    )
    key = settings.service_key.get_secret_value()
    server = GrpcServer(
        [service], host=settings.host, port=settings.tasks_port, authenticate=Believer().authenticate, service_key=key
    )
    await run(server, settings=settings)


if __name__ == "__main__":
    launch(Settings, serve)
