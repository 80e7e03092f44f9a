"""Webhooks as tasks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from standardwebhooks import Webhook
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.tasks.v1.tasks_pb2 import Task

from devstack.process import Process
from tests.integration.tasksvc.conftest import Person, StartReplica
from tests.integration.tasksvc.handlers.conftest import Desk


@pytest.fixture(scope="module")
async def replica(start_replica: StartReplica) -> Process:
    """One that may call this machine."""
    return await start_replica(webhook_allow_private="on")


@dataclass
class Receiver:
    """A real HTTP server that answers with these statuses, one after the other, and then with the last again."""

    statuses: list[int] = field(default_factory=lambda: [200])
    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.BaseRequest) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, text="noted", headers={"Retry-After": "0"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    it = Receiver()
    runner = web.ServerRunner(web.Server(it.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    it.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield it
    await runner.cleanup()


async def test_a_webhook_is_a_task_and_tried_again_until_it_is_taken(
    desk: Desk, ann: Person, receiver: Receiver
) -> None:
    receiver.statuses = [503, 200]
    task = await desk.add("webhook", {"url": receiver.url, "body": {"order": 7}})
    done = await desk.ended(task)
    assert (done.status, done.attempt) == (Task.COMPLETED, 2)
    assert dict(done.result) == {"status": 200, "body": "noted"}
    asked = projects.GetWebhookSecretRequest(project_id=desk.project_id)
    secret = (await ann.api.projects.GetWebhookSecret(asked)).secret
    for headers, body in receiver.got:
        assert Webhook(secret).verify(body, headers) == {"order": 7}
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [task.id, task.id]
    assert secret not in str(done)
