"""What joint reads promise: shared statements, none of them older than the reads that it answers."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from chassis.joint_reads import JointReads


class Table:
    """Rows that are read by statements, each of which waits to be let go."""

    def __init__(self, **limits: int) -> None:
        self.rows: dict[str, int] = {}
        self.asked: asyncio.Queue[tuple[Collection[str], asyncio.Future[None]]] = asyncio.Queue()
        self.reads = JointReads(self._load, **limits)

    async def _load(self, keys: Collection[str]) -> Mapping[str, int]:
        found = {key: self.rows[key] for key in keys if key in self.rows}  # the snapshot is that of the beginning
        let_go: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked.put_nowait((keys, let_go))
        await let_go
        return found

    async def readers(self, *keys: str) -> list[asyncio.Task[int | None]]:
        """Reads that have been asked for, all in one turn of the loop."""
        tasks = [asyncio.create_task(self.reads.get(key)) for key in keys]
        await asyncio.sleep(0)
        return tasks


@pytest.fixture
def table() -> Table:
    return Table()


async def test_who_comes_while_a_statement_is_under_way_shares_the_next(table: Table) -> None:
    table.rows = {"a": 1, "b": 2}
    [first] = await table.readers("a")
    keys, let_go = await table.asked.get()
    assert keys == {"a"}
    others = await table.readers("b", "a", "c")
    assert table.asked.empty()
    let_go.set_result(None)
    keys, let_go = await table.asked.get()
    assert keys == {"a", "b", "c"}
    let_go.set_result(None)
    assert [await each for each in (first, *others)] == [1, 2, 1, None]


async def test_no_read_is_answered_by_a_statement_that_began_before_it(table: Table) -> None:
    table.rows = {"a": 1}
    [early] = await table.readers("a")
    _, let_go = await table.asked.get()
    table.rows["a"] = 2
    [late] = await table.readers("a")
    let_go.set_result(None)
    _, let_go = await table.asked.get()
    let_go.set_result(None)
    assert (await early, await late) == (1, 2)


async def test_a_caller_that_gives_up_takes_nobody_along(table: Table) -> None:
    table.rows = {"a": 1}
    impatient, patient = await table.readers("a", "a")
    _, let_go = await table.asked.get()
    impatient.cancel()
    let_go.set_result(None)
    assert await patient == 1
    assert impatient.cancelled()


async def test_an_error_is_told_to_those_who_shared_it_and_to_nobody_else(table: Table) -> None:
    table.rows = {"a": 1}
    unlucky = await table.readers("a", "b")
    _, let_go = await table.asked.get()
    [later] = await table.readers("a")
    let_go.set_exception(ConnectionError("gone"))
    for each in unlucky:
        with pytest.raises(ConnectionError, match="gone"):
            await each
    _, let_go = await table.asked.get()
    let_go.set_result(None)
    assert await later == 1


async def test_as_many_statements_as_may_be_are_under_way_and_none_is_larger_than_it_may_be() -> None:
    table = Table(at_once=2, most=3)
    table.rows = {key: number for number, key in enumerate("abcdefg")}
    [first] = await table.readers("a")
    [second] = await table.readers("b")  # waits for nobody: one more may be under way
    others = await table.readers(*"cdefga")
    asked = [await table.asked.get(), await table.asked.get()]
    assert table.asked.empty()
    assert [set(keys) for keys, _ in asked] == [{"a"}, {"b"}]
    for _ in range(2):
        _, let_go = asked.pop(0)
        let_go.set_result(None)
        asked.append(await table.asked.get())
    assert [set(keys) for keys, _ in asked] == [set("cde"), set("fga")]
    for _, let_go in asked:
        let_go.set_result(None)
    assert [await each for each in (first, second, *others)] == [0, 1, 2, 3, 4, 5, 6, 0]
