"""Claims that are cut off in the middle, by the replica that makes them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from chassis.jetstream import Bus
from tasksvc.announcer import Announcer
from tasksvc.domain import change
from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Task
from tasksvc.lease_store import LeaseStore
from tasksvc.leasing import Leasing, Worker
from tasksvc.outbox_bell import OutboxBell
from tasksvc.queue_bell import QueueBell
from tasksvc.queue_figures import SeenWorkers
from tasksvc.task_store import TaskStore
from tests.integration.tasksvc.faults.replica import Replica, replica, settle_in
from tests.integration.tasksvc.queue.conftest import eventually


@pytest.fixture(scope="module")
async def here(database: str, redis_url: str) -> AsyncIterator[Replica]:
    async with replica(database, redis_url, *await settle_in(database)) as opened:
        yield opened


@pytest.fixture
def leasing(here: Replica, nats_url: str) -> Leasing:
    bus = Bus(nats_url, replicas=1)
    announcer = Announcer(here.cache, OutboxBell(bus), QueueBell(bus))
    return Leasing(here.pool, LeaseStore(here.pool), announcer, SeenWorkers(here.pool))


async def blocks_somebody(sql: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Whether a statement waits for what this connection has locked."""
    waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    return bool(await sql.fetchval(waits))


async def test_what_is_leased_for_who_has_gone_is_given_back(
    here: Replica, leasing: Leasing, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    queue = QueueRef(here.project_id, "jobs")
    task = Task(id=str(uuid7()), project_id=queue.project_id, creator_id=here.user_id, title="job", queue=queue.name)
    await TaskStore().create(here.pool, [change.create(task)])
    worker = Worker("ann", (queue,), 30, streamed=False)
    transaction = sql.transaction()
    await transaction.start()
    await sql.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
    taking = asyncio.create_task(leasing.take(worker, 1))
    await eventually(lambda: blocks_somebody(sql), bool)
    taking.cancel()
    await asyncio.wait([taking], timeout=0)
    await transaction.rollback()
    with pytest.raises(asyncio.CancelledError):
        await taking
    (lease,) = await leasing.take(worker, 1)
    assert (lease.task.id, lease.attempt) == (task.id, 1)
