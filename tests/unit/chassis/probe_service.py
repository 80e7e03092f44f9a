"""A service for test_run: `python -m tests.unit.chassis.probe_service WORKER...`, run as a process of its own."""

import asyncio
import sys

import structlog
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.grpc_server import GrpcServer
from chassis.run import CannotStart, Worker, launch, run
from chassis.settings import Port, ServiceSettings
from tests.unit.chassis.conftest import authenticate, scripted

LOG = structlog.get_logger()


class Settings(ServiceSettings):
    probe_port: Port = 0


class Tidy:
    """Puts things in order when told to stop, and so lets the calls that wait for that end."""

    def __init__(self):
        self.stopping = asyncio.Event()

    async def run(self, stopping):
        await stopping.wait()
        LOG.info("tidied")
        self.stopping.set()


class Dying:
    async def run(self, _stopping):
        raise RuntimeError("the worker's heart stopped")


class Stuck:
    async def run(self, _stopping):
        await asyncio.Event().wait()


async def serve(settings):
    if "unready" in sys.argv:
        raise CannotStart("the schema is not migrated")
    tidy = Tidy()

    async def get_task(request, _context):
        LOG.info("begun")
        await tidy.stopping.wait()
        return Task(id=request.id)

    async def start_task(_request, _context):
        LOG.info("begun")
        await asyncio.Event().wait()

    server = GrpcServer(
        scripted(GetTask=get_task, StartTask=start_task),
        host=settings.host,
        port=settings.probe_port,
        authenticate=authenticate,
        service_key=settings.service_key.get_secret_value(),
    )
    workers: dict[str, Worker] = {"tidy": tidy, "dying": Dying(), "stuck": Stuck()}
    await run(server, *(workers[name] for name in sys.argv[1:]), settings=settings)


if __name__ == "__main__":
    launch(Settings, serve)
