"""Everything that dashboards and alerts measure happens to somebody."""

from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from taskbell.queues.v1.queues_pb2 import CompleteLeaseRequest, LeaseTasksRequest

from tests.acceptance.conftest import Person

if TYPE_CHECKING:
    from taskbell.queues.v1.queues_pb2_grpc import QueueServiceAsyncStub  # in the stub file only


async def one_of_everything(ann: Person, queues: "QueueServiceAsyncStub") -> None:
    """Live streams, reads, changes, refusals, mails, and work."""
    async with ann.http.ws_connect(f"{ann.url}/v1/events") as socket:
        await socket.send_json({"hello": {"token": ann.token}})
        await socket.send_json({"subscribe": {"id": "s1"}})
        while "subscribed" not in await socket.receive_json(timeout=60):
            pass
        task = await ann.make("/v1/tasks", title="Sweep the yard", assigneeId=ann.id)
        while "events" not in await socket.receive_json(timeout=60):
            pass
    for _ in range(2):
        await ann.ask("GET", f"/v1/tasks/{task['id']}")
    await ann.ask("PATCH", f"/v1/tasks/{task['id']}", {"title": "Sweep the yard, and the street"})
    await ann.make(f"/v1/tasks/{task['id']}:complete")
    await ann.ask("GET", "/v1/tasks")
    await ann.ask("GET", "/v1/notifications")
    assert (await ann.ask("GET", f"/v1/tasks/{ann.id}")).status == 404
    assert (await ann.ask("POST", "/v1/notifications:mark", {})).status == 400
    await work(ann, queues)


async def work(ann: Person, queues: "QueueServiceAsyncStub") -> None:
    """A task for a worker, which does it, and one for a handler, which can't."""
    await ann.make("/v1/tasks", title="Wash the car", queue="cars")
    await ann.make("/v1/tasks", title="Call", queue="webhook", maxAttempts=1, payload={"url": "http://127.0.0.1:1/"})
    wanted = LeaseTasksRequest(queue="cars", wait=Duration(seconds=20))
    (lease,) = (await queues.LeaseTasks(wanted, metadata=ann.metadata)).leases
    await queues.CompleteLease(CompleteLeaseRequest(lease_id=lease.lease_id), metadata=ann.metadata)
