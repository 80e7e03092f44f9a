"""Tasks that may be there once."""

import asyncio

import pytest
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import UniqueKeyTaken
from tests.conformance.board import Board, eventually, seconds


async def test_a_second_task_with_the_same_key_is_refused_and_told_of_the_first(board: Board) -> None:
    first = await board.add(unique_key="report")
    with pytest.raises(UniqueKeyTaken) as refused:
        await board.add(unique_key="report")
    assert refused.value.metadata["task_id"] == first.id
    assert len(await board.listed()) == 1


async def test_a_key_holds_for_one_queue_of_one_project(board: Board, new_board) -> None:
    await board.add(unique_key="report")
    await board.add(unique_key="report", queue="other")
    await board.add(unique_key="report", queue="")
    await (await new_board()).add(unique_key="report")


async def test_a_key_holds_until_the_task_ends_unless_said_otherwise(board: Board) -> None:
    await board.add(unique_key="report")
    lease = await board.lease_one()
    with pytest.raises(UniqueKeyTaken):
        await board.add(unique_key="report")
    await board.fail(lease, retry_after=0)
    with pytest.raises(UniqueKeyTaken):
        await board.add(unique_key="report")
    await board.complete(await board.lease_one())
    await board.add(unique_key="report")


@pytest.mark.parametrize("end", ["fail", "cancel", "delete"])
async def test_a_key_is_free_however_the_task_ended(board: Board, end: str) -> None:
    task = await board.add(unique_key="report")
    if end == "fail":
        await board.fail(await board.lease_one(), retryable=False)
    else:
        await (board.cancel(task) if end == "cancel" else board.delete(task))
    await board.add(unique_key="report")


async def test_a_key_may_hold_while_the_task_waits(board: Board) -> None:
    await board.add(unique_key="report", unique_scope=Task.WAITING)
    with pytest.raises(UniqueKeyTaken):
        await board.add(unique_key="report", unique_scope=Task.WAITING)
    lease = await board.lease_one()
    await board.add("next", unique_key="report", unique_scope=Task.WAITING)
    again = await board.fail(lease, retry_after=0)
    assert again.status == Task.PENDING  # the key is another's now; the work isn't lost for it
    assert sorted(await board.titles()) == ["job", "next"]


async def test_a_key_may_hold_for_a_period_whatever_becomes_of_the_task(board: Board) -> None:
    await board.add(unique_key="report", unique_scope=Task.PERIOD, unique_period=seconds(3600))
    await board.complete(await board.lease_one())
    with pytest.raises(UniqueKeyTaken):
        await board.add(unique_key="report", unique_scope=Task.PERIOD, unique_period=seconds(3600))


async def test_a_period_ends(board: Board) -> None:
    await board.add(unique_key="report", unique_scope=Task.PERIOD, unique_period=seconds(1))

    async def free() -> bool:
        try:
            await board.add(unique_key="report")
        except UniqueKeyTaken:
            return False
        return True

    assert await eventually(free, bool)


async def test_a_batch_with_a_taken_key_makes_nothing(board: Board) -> None:
    await board.add(unique_key="b")
    with pytest.raises(UniqueKeyTaken) as refused:
        await board.add_all(board.task(unique_key="a"), board.task(unique_key="b"))
    assert "requests[1]" in str(refused.value) or refused.value.metadata.get("index") == "1"
    assert len(await board.listed()) == 1
    await board.add(unique_key="a")


async def test_a_batch_with_the_same_key_twice_makes_nothing(board: Board) -> None:
    with pytest.raises(UniqueKeyTaken):
        await board.add_all(board.task(unique_key="a"), board.task(unique_key="a"))
    assert await board.listed() == []


async def test_of_many_who_ask_at_once_one_gets_the_key(board: Board) -> None:
    results = await asyncio.gather(*(board.add(unique_key="report") for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(each, Task) for each in results) == 1
    assert all(isinstance(each, Task | UniqueKeyTaken) for each in results)


async def test_a_reopened_task_takes_its_key_again_or_stays_ended(board: Board) -> None:
    first = await board.add(unique_key="report")
    await board.cancel(first)
    second = await board.add(unique_key="report")
    with pytest.raises(UniqueKeyTaken):
        await board.reopen(first)
    assert (await board.get(first)).status == Task.CANCELLED
    await board.cancel(second)
    await board.reopen(first)
    with pytest.raises(UniqueKeyTaken):
        await board.add(unique_key="report")
