"""The schema comes about once and whole, whoever else migrates and whoever is killed."""

import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from chassis import postgres
from chassis.migrations import migrate
from chassis.schema_check import difference
from devstack.stack import Stack
from tasksvc.__main__ import MIGRATIONS, SCHEMA
from tests.integration.tasksvc.conftest import SERVICE_KEY

Run = Callable[[str], Awaitable[asyncio.subprocess.Process]]
_numbers = itertools.count(1)


@pytest.fixture
async def empty_database(servers: Stack) -> str:
    """A database in which nothing was migrated."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    await connection.close()
    return servers.database_url.rpartition("/")[0] + "/" + name


@pytest.fixture
async def tasksvc(empty_database: str) -> AsyncIterator[Run]:
    """Starts `python -m tasksvc COMMAND`; what still runs in the end is killed."""
    environment = {
        **os.environ,
        "TASKBELL_SERVICE_KEY": SERVICE_KEY,
        "TASKBELL_DATABASE_URL": empty_database,
        "TASKBELL_REDIS_URL": "redis://127.0.0.1:1",
        "TASKBELL_NATS_URL": "nats://127.0.0.1:1",
        "TASKBELL_TASKS_PORT": "0",
        "TASKBELL_METRICS_PORT": "0",
    }
    started: list[asyncio.subprocess.Process] = []

    async def run(command: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tasksvc", command, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def output(process: asyncio.subprocess.Process, status: int = 0) -> str:
    said, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == status, said.decode()
    return said.decode()


async def somebody_waits(watcher: asyncpg.Connection) -> None:
    """Returns when a statement stands before a lock."""
    until = time.monotonic() + 60
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while not await watcher.fetchval(waiting):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def test_several_that_migrate_at_once_do_it_once(tasksvc: Run, empty_database: str) -> None:
    said = [await output(process) for process in [await tasksvc("migrate") for _ in range(4)]]
    assert sorted('"applied": []' in each for each in said) == [False, True, True, True]
    async with postgres.connect(empty_database, SCHEMA, 1) as pool:
        assert (await difference(pool, MIGRATIONS)).missing == []


async def test_a_second_run_changes_nothing(tasksvc: Run) -> None:
    assert "0001.first-schema" in await output(await tasksvc("migrate"))
    assert '"applied": []' in await output(await tasksvc("migrate"))


async def test_one_that_is_killed_leaves_neither_a_lock_nor_half_a_schema(tasksvc: Run, empty_database: str) -> None:
    rival, watcher = await asyncpg.connect(empty_database), await asyncpg.connect(empty_database)
    # A table of the same name in a transaction that is open: the migration waits there for what becomes of it.
    await rival.execute(f"CREATE SCHEMA {SCHEMA}")
    attempt = rival.transaction()
    await attempt.start()
    await rival.execute(f"CREATE TABLE {SCHEMA}.members ()")
    killed = await tasksvc("migrate")
    await somebody_waits(watcher)
    killed.send_signal(signal.SIGKILL)
    await output(killed, -signal.SIGKILL)
    await attempt.rollback()
    assert "0001.first-schema" in await output(await tasksvc("migrate"))
    await rival.close()
    await watcher.close()


async def test_a_migration_that_waits_for_a_table_lets_others_pass(
    tasksvc: Run, empty_database: str, tmp_path: Path
) -> None:
    await output(await tasksvc("migrate"))
    (tmp_path / "9000.more.sql").write_text("ALTER TABLE tasks ADD COLUMN more text")
    rival, reader = await asyncpg.connect(empty_database), await asyncpg.connect(empty_database)
    attempt = rival.transaction()
    await attempt.start()
    await rival.execute("SELECT count(*) FROM tasksvc.tasks")
    migrating = asyncio.create_task(asyncio.to_thread(migrate, empty_database, SCHEMA, tmp_path))
    await somebody_waits(reader)
    await reader.execute("SELECT count(*) FROM tasksvc.tasks")
    assert not migrating.done()
    await attempt.rollback()
    assert await migrating == ["9000.more"]
    await rival.close()
    await reader.close()


@pytest.mark.parametrize(
    ("name", "goes_together"),
    [("9000.more", True), ("9000.since-0001.drop-old", True), ("9000.since-8999.drop-old", False)],
)
async def test_a_program_serves_a_newer_schema_unless_something_is_gone_that_it_uses(
    tasksvc: Run, empty_database: str, tmp_path: Path, name: str, goes_together: bool
) -> None:
    await output(await tasksvc("migrate"))
    (tmp_path / f"{name}.sql").write_text("SELECT 1")
    migrate(empty_database, SCHEMA, tmp_path)
    async with postgres.connect(empty_database, SCHEMA, 1) as pool:
        found = await difference(pool, MIGRATIONS)
    assert (found.missing, found.beyond) == ([], [] if goes_together else [name])
    if not goes_together:
        assert f"too new for this program, by {name}" in await output(await tasksvc("serve"), 1)


async def test_a_service_does_not_start_on_a_schema_that_lacks_something(tasksvc: Run) -> None:
    assert "python -m tasksvc migrate" in await output(await tasksvc("serve"), 1)
