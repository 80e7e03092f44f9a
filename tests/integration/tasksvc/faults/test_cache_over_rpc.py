"""The same promise as callers see it: over gRPC and REST, several real processes, Redis in trouble."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from uuid import uuid4

import aiohttp
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.accounts.v1 import accounts_pb2 as accounts
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import SessionEnded, TaskNotFound
from devstack.ports import free_port
from devstack.process import Process
from devstack.services import Surroundings, service
from devstack.stack import Stack
from tasksvc.domain.transitions import Action, transition
from tests.integration.tasksvc.conftest import SERVICE_KEY, Newcomer, Person, StartReplica
from tests.integration.tasksvc.faults.conftest import AddReplica
from tests.integration.tasksvc.faults.replica import Replica

At = Callable[[Person, Process], Person]


@pytest.fixture(scope="module")
async def elsewhere(start_replica: StartReplica) -> Process:
    """Another tasksvc."""
    return await start_replica()


@pytest.fixture(scope="module")
async def worker(add_replica: AddReplica) -> Replica:
    """What changes tasks inside of tasksvc, with no call."""
    return await add_replica()


@pytest.fixture(scope="module")
async def gateway(servers: Stack, replica: Process) -> AsyncIterator[Process]:
    environment = {
        "TASKBELL_SERVICE_KEY": SERVICE_KEY,
        "TASKBELL_TASKS_ADDRESS": replica.address,
        "TASKBELL_NOTIFY_ADDRESS": replica.address,
        "TASKBELL_RATE_LIMITS": "off",
    }
    process = service("gatewaysvc", "gatewaysvc-faults", free_port(), 0, Surroundings(servers.folder, environment))
    process.ready = partial(_listens, process.port)
    await process.start()
    yield process
    await process.stop()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def create(person: Person, title: str = "milk") -> pb.Task:
    return await person.api.tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title=title)))


async def get(person: Person, task: pb.Task) -> pb.Task:
    return await person.api.tasks.GetTask(pb.GetTaskRequest(id=task.id))


async def test_a_task_changed_by_another_replica_or_inside_is_seen_by_the_next_read(
    ann: Person, at: At, elsewhere: Process, worker: Replica, gateway: Process
) -> None:
    there = at(ann, elsewhere)
    task = await create(ann)
    headers = {"Authorization": f"Bearer {ann.session.access_token}"}
    async with aiohttp.ClientSession(f"http://{gateway.address}", headers=headers) as http:

        async def status() -> str:
            async with http.get(f"/v1/tasks/{task.id}") as response:
                assert response.status == 200
                return str((await response.json())["status"])

        assert (await get(ann, task)).status == pb.Task.PENDING
        assert (await get(there, task)).status == pb.Task.PENDING
        assert await status() == "PENDING"
        await there.api.tasks.StartTask(pb.StartTaskRequest(id=task.id))
        assert (await get(ann, task)).status == pb.Task.IN_PROGRESS
        assert await status() == "IN_PROGRESS"
        await worker.keep(await worker.commit(task.id, lambda seen: transition(seen, Action.FAIL)))
        for person in (ann, there):
            assert (await get(person, task)).status == pb.Task.FAILED
        assert await status() == "FAILED"


async def test_a_deleted_task_is_not_found_anywhere(ann: Person, at: At, elsewhere: Process) -> None:
    there = at(ann, elsewhere)
    task = await create(ann)
    await get(there, task)
    await ann.api.tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id))
    for person in (there, ann):
        with pytest.raises(TaskNotFound):
            await get(person, task)
    await there.api.tasks.RestoreTask(pb.RestoreTaskRequest(id=task.id))
    assert (await get(ann, task)).id == task.id


async def test_a_session_that_was_ended_on_one_replica_is_refused_by_the_next_call_on_another(
    newcomer: Newcomer, at: At, elsewhere: Process
) -> None:
    bob = await newcomer()
    task = await create(bob)
    there = at(bob, elsewhere)
    await get(there, task)
    await bob.api.accounts.LogOut(accounts.LogOutRequest())
    with pytest.raises(SessionEnded):
        await get(there, task)


@pytest.mark.parametrize("harm", ["stopped", "killed", "frozen"])
async def test_calls_go_on_and_are_right_while_redis_is_away_and_after(
    harm: str, ann: Person, at: At, elsewhere: Process, redis: Process
) -> None:
    there = at(ann, elsewhere)
    task = await create(ann, "0")
    over = False

    async def work(writer: Person, reader: Person) -> None:
        while not over:
            await rename(writer, task)
            at_least = acknowledged[-1]
            assert (await get(reader, task)).version >= at_least

    async def rename(person: Person, task: pb.Task) -> None:
        # With an id it is repeated when the connection is renewed under it.
        request = pb.UpdateTaskRequest(
            task=pb.Task(id=task.id, title=f"{acknowledged}"[-100:]), request_id=str(uuid4())
        )
        request.update_mask.CopyFrom(FieldMask(paths=["title"]))
        acknowledged.append(max(acknowledged[-1], (await person.api.tasks.UpdateTask(request)).version))

    acknowledged = [1]
    async with asyncio.TaskGroup() as group:
        group.create_task(work(ann, there))
        group.create_task(work(there, ann))
        await asyncio.sleep(0.3)
        match harm:
            case "stopped":
                await redis.stop()
            case "killed":
                await redis.kill()
            case "frozen":
                redis.freeze()
        await asyncio.sleep(1)
        redis.thaw()
        if redis.returncode is not None:
            await redis.start()
        await asyncio.sleep(1.5)
        over = True
    assert acknowledged[-1] > 10


async def test_a_replica_starts_and_serves_while_redis_is_away(
    ann: Person, at: At, start_replica: StartReplica, redis: Process
) -> None:
    await redis.stop()
    newborn = await start_replica()
    there = at(ann, newborn)
    task = await create(there)
    await there.api.tasks.StartTask(pb.StartTaskRequest(id=task.id))
    assert (await get(there, task)).status == pb.Task.IN_PROGRESS
    await redis.start()
    await newborn.stop()
