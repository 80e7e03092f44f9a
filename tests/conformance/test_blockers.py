"""Tasks that wait for others."""

import asyncio

import pytest
from taskbell.tasks.v1.tasks_pb2 import Task
from uuid_utils.compat import uuid7

from chassis.errors import InvalidField, TaskBlocked
from tests.conformance.board import Board


async def test_a_task_waits_until_all_that_it_is_blocked_by_are_completed(board: Board) -> None:
    parts = await board.add_all(board.task("a"), board.task("b"), board.task("c"))
    whole = await board.add("whole", blocked_by=[part.id for part in parts])
    assert list(whole.blocked_by) == [part.id for part in parts]
    leases = await board.lease(10)
    assert [lease.task.title for lease in leases] == ["a", "b", "c"]
    for lease in leases[:2]:
        await board.complete(lease)
        assert await board.lease(10) == []
    waiting = asyncio.create_task(board.lease(10, wait=30))
    await board.complete(leases[2])
    assert [lease.task.title for lease in await waiting] == ["whole"]


async def test_no_unblocking_is_lost_when_all_blockers_end_at_once(board: Board) -> None:
    for _ in range(5):
        parts = await board.add_all(*(board.task(str(number)) for number in range(8)))
        await board.add("whole", blocked_by=[part.id for part in parts])
        leases = await board.lease(8)
        await asyncio.gather(*(board.complete(lease) for lease in leases))
        whole = await board.lease_one(wait=20)
        assert whole.task.title == "whole"
        await board.complete(whole)


async def test_one_blocker_may_hold_up_many(board: Board) -> None:
    gate = await board.add("gate", queue="")
    await board.add_all(*(board.task(str(number), blocked_by=[gate.id]) for number in range(5)))
    assert await board.lease(10) == []
    await board.finish(gate)
    assert len(await board.lease(10)) == 5


async def test_a_blocker_that_was_completed_already_blocks_nothing(board: Board) -> None:
    gate = await board.add("gate", queue="")
    await board.finish(gate)
    await board.add("job", blocked_by=[gate.id])
    assert await board.titles() == ["job"]


@pytest.mark.parametrize("end", ["fail", "cancel"])
async def test_a_blocker_that_was_not_completed_goes_on_blocking_until_it_is(board: Board, end: str) -> None:
    gate = await board.add("gate", queue="gates")
    await board.add("job", blocked_by=[gate.id])
    if end == "fail":
        await board.fail(await board.lease_one(queue="gates"), retryable=False)
    else:
        await board.cancel(gate)
    assert await board.lease(10) == []
    await board.reopen(gate)
    await board.finish(gate)
    assert await board.titles() == ["job"]


async def test_a_blocker_can_be_taken_away(board: Board) -> None:
    gate, other = await board.add("gate", queue=""), await board.add("other", queue="")
    job = await board.add("job", blocked_by=[gate.id, other.id])
    await board.delete(other)
    assert await board.lease(10) == []
    await board.update(job, blocked_by=None)
    assert await board.titles() == ["job"]


async def test_a_task_may_be_blocked_later(board: Board) -> None:
    gate = await board.add("gate", queue="")
    job = await board.add("job")
    await board.update(job, blocked_by=[gate.id])
    assert await board.lease(10) == []
    await board.finish(gate)
    assert await board.titles() == ["job"]


async def test_a_blocker_that_is_reopened_blocks_again(board: Board) -> None:
    gate = await board.add("gate", queue="")
    await board.add("job", blocked_by=[gate.id])
    await board.finish(gate)
    await board.reopen(gate)
    assert await board.lease(10) == []


async def test_people_are_told_what_a_task_waits_for(board: Board) -> None:
    gate = await board.add("gate", queue="")
    chore = await board.add("chore", queue="", blocked_by=[gate.id])
    for attempt in (board.start, board.finish):
        with pytest.raises(TaskBlocked, match=gate.id):
            await attempt(chore)
    assert (await board.get(chore)).status == Task.PENDING
    await board.finish(gate)
    await board.start(chore)


async def test_a_circle_of_blockers_is_refused(board: Board) -> None:
    first = await board.add("first")
    second = await board.add("second", blocked_by=[first.id])
    third = await board.add("third", blocked_by=[second.id])
    for circle in ([first.id], [third.id]):
        with pytest.raises(InvalidField, match="blocked_by"):
            await board.update(first, blocked_by=circle)
    assert list((await board.get(first)).blocked_by) == []


async def test_two_changes_at_once_can_not_close_a_circle(board: Board) -> None:
    for _ in range(5):
        first, second = await board.add_all(board.task("first"), board.task("second"))
        await asyncio.gather(
            board.update(first, blocked_by=[second.id]),
            board.update(second, blocked_by=[first.id]),
            return_exceptions=True,
        )
        blocked = [bool((await board.get(each)).blocked_by) for each in (first, second)]
        assert sum(blocked) == 1


async def test_a_blocker_that_the_caller_can_not_see_is_no_task(board: Board, new_board) -> None:
    strange = await (await new_board()).add("secret")
    for blocker in (strange.id, str(uuid7())):
        with pytest.raises(InvalidField, match="blocked_by") as refused:
            await board.add(blocked_by=[blocker])
        assert blocker in str(refused.value)
    assert await board.listed() == []
