"""The cache while Redis is stopped, killed, frozen, cut off or back with what it once held: right, and soon."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devstack.process import Process
from tests.integration.tasksvc.faults.cable import Cable, cable
from tests.integration.tasksvc.faults.replica import Replica, replica

SOON = 2.5
"""More than a write may have to wait until nobody trusts the cache, on a busy machine."""


@pytest.fixture(autouse=True)
async def trust(one: Replica, other: Replica, redis: Process) -> AsyncIterator[None]:
    await one.believes()
    await other.believes()
    yield
    redis.thaw()
    if redis.returncode is not None:
        await redis.start()


@asynccontextmanager
async def traffic(*replicas: Replica) -> AsyncIterator[None]:
    """Reads and writes of one task on all replicas meanwhile, each read checked, each answer timed."""
    task = await replicas[0].create("0")
    acknowledged = 1
    over = False
    waits = [0.0]

    async def write(replica: Replica) -> None:
        nonlocal acknowledged
        while not over:
            begun = time.monotonic()
            written = await replica.rename(task.id, f"{begun}")
            acknowledged = max(acknowledged, written.version)
            waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.01)

    async def read(replica: Replica) -> None:
        while not over:
            begun, at_least = time.monotonic(), acknowledged
            assert (await replica.get(task.id)).version >= at_least
            waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.002)

    async with asyncio.TaskGroup() as group:
        for replica in replicas:
            group.create_task(write(replica))
            group.create_task(read(replica))
        try:
            yield
        finally:
            over = True
    assert max(waits) < SOON


async def stopped(redis: Process) -> None:
    await redis.stop()


async def killed(redis: Process) -> None:
    await redis.kill()


async def frozen(redis: Process) -> None:
    redis.freeze()


@pytest.mark.parametrize("harm", [stopped, killed, frozen])
async def test_nobody_reads_an_old_task_while_redis_is_away_and_the_cache_comes_back_by_itself(
    harm: Callable[[Process], Awaitable[None]], one: Replica, other: Replica, redis: Process
) -> None:
    async with traffic(one, other):
        await asyncio.sleep(0.3)
        await harm(redis)
        await asyncio.sleep(1)
        redis.thaw()
        if redis.returncode is not None:
            await redis.start()
        await one.believes()
        await other.believes()
        await asyncio.sleep(0.3)
    assert await _hit_again(one, other)


async def test_reads_cost_nothing_more_once_redis_is_known_to_be_frozen(one: Replica, redis: Process) -> None:
    task = await one.create()
    await one.caches(task.id)
    redis.freeze()
    await one.rename(task.id, "slow")
    begun = time.monotonic()
    for title in map(str, range(10)):
        await one.rename(task.id, title)
        assert (await one.get(task.id)).title == title
    assert time.monotonic() - begun < SOON / 5


async def test_what_a_restarted_redis_brings_back_from_its_disk_is_not_believed(
    one: Replica, other: Replica, redis: Process
) -> None:
    task = await one.create("old")
    await one.caches(task.id)
    await asyncio.sleep(1.1)  # the append-only file is written to disk each second
    await redis.kill()
    await other.rename(task.id, "new")
    await redis.start()
    assert (await one.get(task.id)).title == "new"
    await one.believes()
    await one.caches(task.id)
    assert (await one.get(task.id)).title == "new"


async def test_a_redis_that_is_back_with_an_older_state_of_its_disk_is_not_believed(
    one: Replica, other: Replica, redis: Process, folder: Path
) -> None:
    task = await one.create("old")
    await one.caches(task.id)
    data, backup = folder / "valkey", folder / "valkey.backup"
    await asyncio.to_thread(shutil.copytree, data, backup)
    await other.rename(task.id, "new")
    assert await one.hits(task.id)
    await redis.kill()
    await asyncio.to_thread(shutil.rmtree, data)
    await asyncio.to_thread(backup.rename, data)
    await redis.start()
    async with asyncio.timeout(60):
        while not await one.hits(task.id):
            assert (await one.get(task.id)).title == "new"
    assert (await one.get(task.id)).title == "new"


async def test_a_put_that_a_frozen_redis_executes_when_it_wakes_puts_nothing_old_back(
    one: Replica, other: Replica, redis: Process
) -> None:
    task = await one.create("old")
    view = one.trust.believed
    assert view is not None
    redis.freeze()
    # The look is sent, and its reservation waits in the frozen server.
    assert (await one.get(task.id)).title == "old"
    await other.rename(task.id, "new")
    redis.thaw()
    await one.believes()
    assert one.trust.believed is not None
    assert one.trust.believed.epoch > view.epoch
    assert (await one.get(task.id)).title == "new"
    await one.caches(task.id)
    assert (await one.get(task.id)).title == "new"


async def test_a_write_by_a_replica_that_redis_is_cut_off_from_is_seen_by_those_that_reach_it(
    one: Replica, far: Replica, its_cable: Cable
) -> None:
    await far.believes()
    task = await one.create("old")
    await one.caches(task.id)
    its_cable.pull()
    for title in ("new", "newer"):
        await far.rename(task.id, title)
        assert (await one.get(task.id)).title == title
        assert (await far.get(task.id)).title == title
    its_cable.plug()
    async with traffic(one, far):
        await far.believes()
        its_cable.pull()
        await asyncio.sleep(0.6)
        its_cable.plug()


async def test_a_replica_that_hears_nothing_of_the_trust_in_the_cache_stops_to_believe_it(
    one: Replica, far: Replica, its_cable: Cable, database: str, redis_url: str, home: tuple[str, str]
) -> None:
    await far.believes()
    task = await one.create("old")
    async with cable(urlsplit(database).port or 0) as line:
        through = database.replace(f":{urlsplit(database).port}/", f":{line.port}/")
        async with replica(database, redis_url, *home, trust_through=through) as deaf:
            await deaf.believes()
            await deaf.caches(task.id)
            line.stall()
            its_cable.pull()
            await far.rename(task.id, "new")
            assert (await deaf.get(task.id)).title == "new"
            its_cable.plug()
            line.flow()
            await deaf.caches(task.id)


async def _hit_again(*replicas: Replica) -> bool:
    task = await replicas[0].create()
    for each in replicas:
        await each.caches(task.id)
    return True
