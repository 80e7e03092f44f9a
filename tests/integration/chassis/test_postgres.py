"""PostgreSQL as the services meet it: what it does to them has one name."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from chassis import postgres
from chassis.errors import Conflict, Unavailable
from devstack.ports import free_port


@pytest.fixture
async def pool(database: str) -> AsyncIterator[postgres.Pool]:
    async with postgres.connect(database, "tasksvc", 2) as pool:
        yield pool


async def test_a_lost_connection_is_told_as_unavailable_and_replaced(pool: postgres.Pool) -> None:
    with pytest.raises(Unavailable):
        await pool.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
    assert [await pool.fetchval("SELECT 1") for _ in range(4)] == [1] * 4


async def test_a_connection_lost_in_a_transaction_is_told_the_same(pool: postgres.Pool) -> None:
    with pytest.raises(Unavailable):
        async with postgres.transaction(pool) as connection:
            await connection.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_a_connection_lost_before_the_commit_is_told_the_same(pool: postgres.Pool) -> None:
    async def lose() -> None:
        async with postgres.transaction(pool) as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await pool.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)

    with pytest.raises(Unavailable):
        await lose()
    assert await pool.fetchval("SELECT 1") == 1


async def test_a_connection_lost_at_whatever_moment_is_told_the_same(pool: postgres.Pool) -> None:
    async def work_until_lost() -> None:
        async with pool.acquire() as connection:
            pid = connection.get_server_pid()
            end = asyncio.create_task(pool.fetchval("SELECT pg_terminate_backend($1)", pid))
            try:
                while True:
                    await connection.fetch("SELECT 1")
            finally:
                await end

    for _ in range(60):
        with pytest.raises(Unavailable):
            await work_until_lost()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with postgres.connect(f"postgresql://nobody@127.0.0.1:{free_port()}/none", "tasksvc", 1):
            pass


async def test_a_deadlock_is_a_conflict_for_one_of_the_two(pool: postgres.Pool) -> None:
    await pool.execute("CREATE TABLE public.held AS SELECT generate_series(1, 2) AS id")
    both_hold = asyncio.Barrier(2)

    async def hold(first: int, second: int) -> None:
        async with postgres.transaction(pool) as connection:
            await connection.execute("SELECT FROM public.held WHERE id = $1 FOR UPDATE", first)
            await both_hold.wait()
            await connection.execute("SELECT FROM public.held WHERE id = $1 FOR UPDATE", second)

    outcomes = await asyncio.gather(hold(1, 2), hold(2, 1), return_exceptions=True)
    assert sorted(type(outcome) is Conflict for outcome in outcomes) == [False, True]


async def test_a_mistake_in_a_statement_stays_one(pool: postgres.Pool) -> None:
    with pytest.raises(asyncpg.UndefinedColumnError):
        await pool.fetchval("SELECT no_such_column")


async def test_what_failed_leaves_nothing_on_the_connection(pool: postgres.Pool) -> None:
    await pool.execute("CREATE TABLE public.kept (id integer)")

    async def fail() -> None:
        async with postgres.transaction(pool) as connection:
            await connection.execute("INSERT INTO public.kept VALUES (1)")
            raise ZeroDivisionError

    for _ in range(4):
        with pytest.raises(ZeroDivisionError):
            await fail()
    assert await pool.fetchval("SELECT count(*) FROM public.kept") == 0


async def test_a_transaction_within_one_is_the_same_one(pool: postgres.Pool) -> None:
    async with postgres.transaction(pool) as outer, postgres.transaction(outer) as inner:
        assert inner is outer


async def test_json_goes_in_and_out_as_python_values(pool: postgres.Pool) -> None:
    value = {"a": [1, None, "é"]}
    assert await pool.fetchval("SELECT $1::jsonb", value) == value


def test_statements_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "somesvc" / "sql"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "one.sql").write_text("-- get_one\n-- Why it is so.\nSELECT 1\n\n-- get_two\nSELECT 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert postgres.queries("somesvc") == {
        "get_one": "-- get_one\n-- Why it is so.\nSELECT 1",
        "get_two": "-- get_two\nSELECT 2",
    }
    (folder / "two.sql").write_text("-- get_two\nSELECT 3\n")
    with pytest.raises(ValueError, match="get_two"):
        postgres.queries("somesvc")
