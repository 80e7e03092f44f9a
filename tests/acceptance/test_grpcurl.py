"""The services as somebody explores them with grpcurl."""

import asyncio
import json
import sys
from pathlib import Path

from tests.acceptance.conftest import Json, Person
from tests.acceptance.system import System


async def grpcurl(*arguments: str) -> str:
    """What grpcurl prints."""
    program = str(Path(sys.executable).with_name("grpcurl"))
    child = await asyncio.create_subprocess_exec(
        *(program, "-plaintext", *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await child.communicate()
    assert child.returncode == 0, printed.decode()
    return printed.decode()


async def test_reflection_lists_and_describes_every_service(system: System) -> None:
    listed = (await grpcurl(system.tasks_address, "list")).split()
    assert {
        "taskbell.accounts.v1.AccountService",
        "taskbell.comments.v1.CommentService",
        "taskbell.projects.v1.ProjectService",
        "taskbell.tasks.v1.TaskService",
        "grpc.health.v1.Health",
    } <= set(listed)
    assert "taskbell.notifications.v1.NotificationService" in (await grpcurl(system.notify_address, "list")).split()
    assert "rpc CompleteTask" in await grpcurl(system.tasks_address, "describe", "taskbell.tasks.v1.TaskService")


async def test_a_call_with_a_bearer_token(system: System, ann: Person) -> None:
    sent = json.dumps({"task": {"title": "from grpcurl"}})
    answer = await grpcurl(
        "-H",
        f"authorization: Bearer {ann.token}",
        "-d",
        sent,
        system.tasks_address,
        "taskbell.tasks.v1.TaskService/CreateTask",
    )
    made: Json = json.loads(answer)
    assert (made["title"], made["status"]) == ("from grpcurl", "PENDING")
    assert (await ann.ask("GET", f"/v1/tasks/{made['id']}")).body["title"] == "from grpcurl"


async def test_health_by_service(system: System) -> None:
    for address, service in [
        (system.tasks_address, "taskbell.tasks.v1.TaskService"),
        (system.notify_address, "taskbell.notifications.v1.NotificationService"),
    ]:
        for name in ("", service):
            answer = await grpcurl("-d", json.dumps({"service": name}), address, "grpc.health.v1.Health/Check")
            assert json.loads(answer)["status"] == "SERVING"
