"""The cache while Redis is well."""

import asyncio

import pytest
import redis.asyncio
from taskbell.tasks.v1 import tasks_pb2 as pb

from devstack import valkey
from devstack.process import Process
from tasksvc.domain import change
from tests.integration.tasksvc.faults.conftest import PASSWORD
from tests.integration.tasksvc.faults.replica import Replica


@pytest.fixture(autouse=True)
async def trust(one: Replica, other: Replica) -> None:
    await one.believes()
    await other.believes()


async def test_a_task_that_was_read_is_read_from_the_cache_by_every_replica(one: Replica, other: Replica) -> None:
    task = await one.create()
    await one.get(task.id)
    await one.caches(task.id)
    assert await other.hits(task.id)
    assert await other.get(task.id) == task


async def test_a_write_on_another_replica_is_seen_by_the_next_read(one: Replica, other: Replica) -> None:
    task = await one.create()
    await one.caches(task.id)
    for title in ("bread", "butter", "jam"):
        written = await other.rename(task.id, title)
        assert await one.hits(task.id)
        assert await one.get(task.id) == written


async def test_a_reader_paused_between_the_database_and_the_cache_does_not_put_the_old_row_back(
    one: Replica, other: Replica
) -> None:
    task = await one.create("old")
    has_read, go_on = asyncio.Event(), asyncio.Event()

    async def pausing() -> pb.Task | None:
        row = await one.load(task.id)
        has_read.set()
        await go_on.wait()
        return row

    reader = asyncio.create_task(one.get(task.id, pausing))
    await has_read.wait()
    await other.rename(task.id, "new")
    go_on.set()
    await reader
    assert (await one.get(task.id)).title == "new"
    assert (await other.get(task.id)).title == "new"


async def test_a_paused_reader_puts_nothing_back_after_its_entry_was_evicted_meanwhile(
    one: Replica, other: Replica, redis: Process
) -> None:
    task = await one.create("old")
    has_read, go_on = asyncio.Event(), asyncio.Event()

    async def pausing() -> pb.Task | None:
        row = await one.load(task.id)
        has_read.set()
        await go_on.wait()
        return row

    reader = asyncio.create_task(one.get(task.id, pausing))
    await has_read.wait()
    await other.rename(task.id, "new")
    await other.caches(task.id)
    await _forget_everything(redis)
    go_on.set()
    await reader
    assert (await one.get(task.id)).title == "new"


async def test_a_writer_paused_before_its_put_does_not_put_the_older_version_back(
    one: Replica, other: Replica, redis: Process
) -> None:
    task = await one.create("first")
    await one.caches(task.id)
    late = await one.commit(task.id, lambda seen: change.update(seen, {"title": "second"}))
    await other.rename(task.id, "third")
    await _forget_everything(redis)
    await one.keep(late)
    assert (await other.get(task.id)).title == "third"
    await other.caches(task.id)
    await one.keep(late)
    assert (await other.get(task.id)).title == "third"


async def test_a_deleted_task_is_read_as_deleted(one: Replica, other: Replica) -> None:
    task = await one.create()
    await one.caches(task.id)
    await other.delete(task.id)
    assert (await one.get(task.id)).HasField("delete_time")


async def test_a_task_that_was_not_there_is_found_once_it_is(one: Replica, other: Replica) -> None:
    task = await one.create()
    unborn = str(task.id)[:-12] + "0" * 12

    async def nothing() -> pb.Task | None:
        return None

    assert await one.cache.get(unborn, nothing) is None
    assert await other.cache.get(unborn, nothing) is None
    born = pb.Task(id=unborn, version=1, title="born")
    await other.keep(born)
    assert await one.cache.get(unborn, nothing) == born


async def test_an_id_in_capitals_is_the_same_task(one: Replica, other: Replica) -> None:
    task = await one.create()
    await one.get(task.id.upper())
    await other.rename(task.id, "new")
    assert (await one.get(task.id.upper())).title == "new"


async def _forget_everything(server: Process) -> None:
    async with redis.asyncio.from_url(valkey.url(server.port, PASSWORD)) as client:
        await client.flushall()
