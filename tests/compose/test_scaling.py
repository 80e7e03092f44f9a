"""More replicas: found by everybody within seconds, and each does its part. Fewer: nobody notices."""

import asyncio
import os
import shutil

import pytest

from bench.load import Call, measure
from tests.compose.conftest import Report
from tests.compose.project import Container, Project, docker, metric
from tests.compose.traffic import people, traffic

pytestmark = pytest.mark.timeout(600)


async def calls(containers: list[Container]) -> list[float]:
    """How many calls for tasks each of them has answered."""
    return await asyncio.gather(*(metric(each, r"taskbell_grpc_requests_total.*Task") for each in containers))


async def test_new_replicas_get_their_share_and_old_ones_go_without_a_failed_call(
    project: Project, report: Report
) -> None:
    async with traffic(project) as seen:
        await project.up(tasksvc=3, notifysvc=2, gatewaysvc=2)
        replicas = await project.containers("tasksvc")
        assert len(replicas) == 3
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.timeout(60):
            while not all(await calls(replicas)):
                await asyncio.sleep(0.2)
        found = loop.time() - begun
        before = await calls(replicas)
        await asyncio.sleep(10)
        shares = [after - start for after, start in zip(await calls(replicas), before, strict=True)]
        await project.up(tasksvc=1)
        await asyncio.sleep(3)
        await project.up(tasksvc=3)
    share = ", ".join(f"{each / sum(shares):.0%}" for each in shares)
    report(f"tasksvc 1 -> 3 -> 1 -> 3 under load: {seen}")
    report(f"  both new replicas had calls {found:.1f} s after they were healthy; of the next calls each got {share}")
    assert min(shares) > 0.2 * sum(shares)
    assert (seen.failed, seen.untold(), seen.wrongly_told()) == ([], {}, {})


async def test_streams_and_the_relays_partitions_are_shared_out(project: Project, report: Report) -> None:
    tasksvcs, notifysvcs = await project.containers("tasksvc"), await project.containers("notifysvc")
    async with people(project) as somebody, asyncio.TaskGroup() as group:
        listening = [group.create_task(somebody.listen(asyncio.Event())) for _ in range(20)]
        async with asyncio.timeout(60):
            while True:
                streams = [int(await metric(each, "taskbell_feed_subscribers")) for each in notifysvcs]
                owned = [int(await metric(each, r"taskbell_outbox_partitions")) for each in tasksvcs]
                if sum(streams) >= 20 and min(streams) > 4 and min(owned) > 0:
                    break
                await asyncio.sleep(0.2)
        for each in listening:
            each.cancel()
    report(f"20 live streams on 2 notifysvc: {streams}; relay partitions on 3 tasksvc: {owned}")


async def test_workers_leases_come_from_every_replica(project: Project, report: Report) -> None:
    replicas = await project.containers("tasksvc")
    async with people(project) as somebody:

        async def work() -> None:
            for _ in range(15):
                await somebody.call("POST", "/v1/tasks", {"title": "Resize a photo", "queue": "photos"})
                leased = await somebody.call("POST", "/v1/queues/photos:lease", {"wait": "10s"})
                assert leased is not None
                for each in leased["leases"]:
                    await somebody.call("POST", f"/v1/leases/{each['leaseId']}:complete", {})

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(work())
        assert somebody.traffic.failed == []
    leases = [int(await metric(each, "taskbell_queue_leases_total")) for each in replicas]
    report(f"leases for workers, by tasksvc: {leases}")
    assert (sum(leases), min(leases) > 0) == (60, True)


@pytest.mark.skipif(
    shutil.which("h2load") is None, reason="There is no h2load here; on Debian: apt install nghttp2-client"
)
async def test_more_replicas_serve_more(project: Project, report: Report) -> None:
    """Figures, no promise: with as many cores as the machine has, and with a quarter of a core for each replica.

    The front door and the load take part of the machine, too, so few cores show only in the second what replicas add.
    """
    async with people(project) as somebody:
        task = await somebody.call("POST", "/v1/tasks", {"title": "Paint the wall"})
        assert task is not None
        get = b"\n\x24" + task["id"].encode()
        address = project.doors["TASKBELL_TEST_TASKS"]
        call = Call("GetTask", address, "/taskbell.tasks.v1.TaskService/GetTask", get, somebody.token, ())
        for replicas in (1, 2, 3):
            await project.up(tasksvc=replicas)
            for cores in (os.cpu_count() or 1, 0.25):
                for each in await project.containers("tasksvc"):
                    await docker("update", f"--cpus={cores}", each.id)
                # Clients repeat the few that meet a connection which a server has just asked the front door to leave.
                asked = [await asyncio.to_thread(measure, call, seconds=5, tolerated=0.002) for _ in range(2)]
                rate = max(each.rate for each in asked)
                report(f"GetTask through the front door, {replicas} tasksvc of {cores} cores: {rate:.0f} calls/s")
