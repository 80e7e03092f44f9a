"""The conversation of a worker."""

from typing import Any

import pytest
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import InvalidField, LeaseLost, ServiceError
from tests.conformance.board import Board
from tests.conformance.stream import complete, fail, release, work


async def test_a_worker_gets_as_many_tasks_as_it_gave_credit_for(board: Board) -> None:
    await board.add_all(*(board.task(str(number)) for number in range(5)))
    async with work(board, credit=2, worker="crane") as stream:
        first = await stream.leases(2)
        assert [lease.task.title for lease in first] == ["0", "1"]
        assert {lease.task.worker for lease in first} == {"crane"}
        assert (await board.queue()).depth.running == 2
        await stream.say(credit=pb.Credit(tasks=1))
        assert [lease.task.title for lease in await stream.leases(1)] == ["2"]


async def test_tasks_reach_a_worker_when_they_come(board: Board) -> None:
    async with work(board, credit=10) as stream:
        task = await board.add()
        (lease,) = await stream.leases(1)
        assert lease.task.id == task.id


async def test_answers_are_stored_many_at_once_and_each_gets_its_word(board: Board) -> None:
    tasks = await board.add_all(*(board.task(str(number)) for number in range(3)))
    async with work(board, credit=3) as stream:
        a, b, c = await stream.leases(3)
        results = await stream.answer(complete(a, n=1), fail(b, "no"), release(c))
        assert [result.reason for result in results] == ["", "", ""]
        after = [await board.get(task) for task in tasks]
        assert [task.status for task in after] == [Task.COMPLETED, Task.PENDING, Task.PENDING]
        assert (after[1].last_error, after[2].attempt) == ("no", 0)


async def test_an_answer_that_can_not_be_stored_is_told_alone(board: Board) -> None:
    await board.add_all(board.task("a"), board.task("b"))
    async with work(board, credit=2) as stream:
        a, b = await stream.leases(2)
        await board.cancel(a.task)
        lost, stored = await stream.answer(complete(a), complete(b))
        assert (lost.reason, stored.reason) == ("LEASE_LOST", "")
        assert (await board.get(b.task)).status == Task.COMPLETED


async def test_a_worker_hears_at_once_that_its_task_was_cancelled(board: Board) -> None:
    await board.add()
    async with work(board, credit=1) as stream:
        (lease,) = await stream.leases(1)
        await board.cancel(lease.task)
        assert await stream.cancelled() == [lease.lease_id]


async def test_a_stream_that_dies_gives_its_tasks_back_at_once_and_uncounted(board: Board) -> None:
    await board.add_all(board.task("a"), board.task("b"))
    async with work(board, credit=2, lease_duration={"seconds": 3600}) as stream:
        leases = await stream.leases(2)
    again = await board.lease_one(wait=15)
    assert (again.task.title, again.attempt) == ("a", 1)
    with pytest.raises(LeaseLost):
        await board.complete(leases[0])


async def test_a_worker_that_comes_back_to_any_replica_keeps_what_it_holds(board: Board) -> None:
    await board.add()
    async with work(board, credit=1) as before:
        (lease,) = await before.leases(1)
        async with work(board, replica=1, holding=[lease.lease_id]) as after:
            before.call.cancel()
            (result,) = await after.answer(complete(lease))
            assert result.reason == ""
    assert (await board.get(lease.task)).status == Task.COMPLETED


async def test_a_worker_that_comes_back_too_late_is_told_what_it_lost(board: Board) -> None:
    await board.add()
    async with work(board, credit=1) as stream:
        (lease,) = await stream.leases(1)
        await board.cancel(lease.task)
    async with work(board, replica=1, holding=[lease.lease_id]) as again:
        assert await again.cancelled() == [lease.lease_id]


async def test_progress_on_a_stream_is_seen_by_everybody(board: Board) -> None:
    task = await board.add()
    async with work(board, credit=1) as stream:
        (lease,) = await stream.leases(1)
        await stream.say(progress=pb.ReportProgressRequest(lease_id=lease.lease_id, percent=50, message="half"))
        await stream.answer(complete(lease))
    assert "task.progressed" in await board.history(task)


async def test_a_worker_that_drains_answers_and_gets_nothing_more(board: Board) -> None:
    await board.add()
    async with work(board, credit=5) as stream:
        (lease,) = await stream.leases(1)
        await stream.say(drain=pb.Drain())
        (result,) = await stream.answer(complete(lease), credit=5)
        assert result.reason == ""
        await board.add("next")
        assert (await board.lease_one(wait=15)).task.title == "next"


async def test_a_stream_lease_has_no_end_of_its_own(board: Board) -> None:
    await board.add()
    async with work(board, credit=1, lease_duration={"seconds": 1}) as stream:
        (lease,) = await stream.leases(1)
        assert not lease.HasField("expire_time")
        assert not lease.task.HasField("lease_expire_time")
        assert await board.lease(1, wait=3) == []  # longer than it would have lasted
        (result,) = await stream.answer(complete(lease))
        assert result.reason == ""


@pytest.mark.parametrize(
    ("hello", "named"),
    [
        ({"queues": []}, "queues"),
        ({"queues": ["Bad Name"]}, "queues"),
        ({"credit": 1001}, "credit"),
        ({"lease_duration": {"seconds": 86_400}}, "lease_duration"),
        ({"holding": ["mine"]}, "holding"),
    ],
)
async def test_a_worker_that_says_what_can_not_be_is_told_so(board: Board, hello: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidField, match=named):
        async with work(board, **hello):
            pass


async def test_a_stream_begins_with_hello(board: Board) -> None:
    call = QueueServiceStub(board.wires[0]).Work()
    await call.write(pb.WorkRequest(credit=pb.Credit(tasks=1)))
    with pytest.raises(ServiceError) as refused:
        await call.read()
    assert "hello" in str(refused.value)
