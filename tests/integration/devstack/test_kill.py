"""What a kill -9 leaves behind, and that the next start copes with it."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import nats
import redis.asyncio

from devstack.stack import SERVERS_ALONE, Stack
from tests.integration.devstack.conftest import Hold, gone, runs, until


async def write(database_url: str, redis_url: str, nats_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE kept AS SELECT 'row' AS what")
    await connection.close()
    async with redis.asyncio.from_url(redis_url) as client:
        await client.set("kept", "value")
    bus = await nats.connect(nats_url)
    await bus.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await bus.jetstream().publish("kept", b"message")
    await bus.close()


async def read(stack: Stack) -> tuple[object, object, object]:
    connection = await asyncpg.connect(stack.database_url)
    row = await connection.fetchval("SELECT what FROM kept")
    await connection.close()
    async with redis.asyncio.from_url(stack.redis_url) as client:
        value = await client.get("kept")
    bus = await nats.connect(stack.nats_url)
    message = await bus.jetstream().get_msg("KEPT", 1)
    await bus.close()
    return row, value, message.data


KEPT = ("row", b"value", b"message")


async def test_data_outlives_a_stop(tmp_path: Path) -> None:
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        await write(stack.database_url, stack.redis_url, stack.nats_url)
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        assert await read(stack) == KEPT


async def test_the_servers_die_with_a_stack_that_is_killed_and_keep_their_data(tmp_path: Path, hold: Hold) -> None:
    async with hold(tmp_path) as holder:
        await write(holder.database_url, holder.redis_url, holder.nats_url)
        await holder.kill()
        await gone(*holder.pids.values())
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        assert await read(stack) == KEPT


async def test_a_killed_server_recovers_with_its_data(tmp_path: Path) -> None:
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        await write(stack.database_url, stack.redis_url, stack.nats_url)
        for server in (stack.postgres, stack.valkey, stack.nats):
            await server.kill()
            await server.start()
        assert await read(stack) == KEPT


async def test_a_new_stack_ends_servers_that_outlived_a_killed_one(tmp_path: Path, hold: Hold) -> None:
    async with hold(tmp_path) as holder:
        await write(holder.database_url, holder.redis_url, holder.nats_url)
        # Frozen, they hear nothing of the end of their parent, and still hold their ports and files.
        for pid in holder.pids.values():
            os.kill(pid, signal.SIGSTOP)
        await holder.kill()
        assert all(map(runs, (holder.pids["postgres"], holder.pids["valkey"], holder.pids["nats"])))
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        assert not any(map(runs, holder.pids.values()))
        assert await read(stack) == KEPT


async def test_a_new_stack_ends_a_backend_that_outlived_its_postmaster(tmp_path: Path, hold: Hold) -> None:
    async with hold(tmp_path) as holder:
        await write(holder.database_url, holder.redis_url, holder.nats_url)
        connection = await asyncpg.connect(holder.database_url)
        backend = connection.get_server_pid()
        os.kill(backend, signal.SIGSTOP)
        os.kill(holder.pids["postgres"], signal.SIGKILL)
        await holder.kill()
        await gone(holder.pids["postgres"])
        assert runs(backend)
        connection.terminate()
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        assert not runs(backend)
        assert await read(stack) == KEPT


async def test_a_stale_postmaster_pid_that_names_a_living_stranger_is_no_obstacle(tmp_path: Path) -> None:
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        await write(stack.database_url, stack.redis_url, stack.nats_url)
        left = (tmp_path / "postgres" / "postmaster.pid").read_text()
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    _, *rest = left.splitlines(keepends=True)
    (tmp_path / "postgres" / "postmaster.pid").write_text("".join([f"{stranger.pid}\n", *rest]))
    (tmp_path / "run" / "postgres").write_text(f"{stranger.pid} 1\n")
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as stack:
        assert await read(stack) == KEPT
    assert runs(stranger.pid), "it was none of ours"
    stranger.kill()
    await stranger.wait()


async def test_a_start_that_is_called_off_leaves_nothing_running(tmp_path: Path) -> None:
    stack = Stack(data_dir=tmp_path, replicas=SERVERS_ALONE)
    starting = asyncio.create_task(stack.__aenter__())
    await until((tmp_path / "run" / "nats").exists)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert [process.name for process in stack.processes if process.returncode is None and process.started] == []
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE) as again:
        await write(again.database_url, again.redis_url, again.nats_url)
