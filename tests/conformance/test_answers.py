"""What becomes of a task when its worker answers, and when it doesn't."""

import pytest
from taskbell.queues.v1.queues_pb2 import CompleteLeaseRequest
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import LeaseLost
from tests.conformance.board import Board, eventually, moment, seconds


async def test_a_completed_task_has_its_result(board: Board) -> None:
    task = await board.add()
    done = await board.complete(await board.lease_one(), words=3)
    assert (done.status, dict(done.result)) == (Task.COMPLETED, {"words": 3})
    assert done.HasField("end_time")
    assert not done.HasField("lease_expire_time")
    assert await board.get(task) == done
    assert await board.history(task) == ["task.created", "task.started", "task.completed"]


async def test_progress_is_seen_at_once_and_ends_with_the_attempt(board: Board) -> None:
    task = await board.add()
    lease = await board.lease_one()
    await board.progress(lease, 40, "frame 4 of 10")
    seen = await board.get(task)
    assert (seen.progress.percent, seen.progress.message) == (40, "frame 4 of 10")
    await board.fail(lease, retry_after=0)
    assert not (await board.get(task)).HasField("progress")


async def test_a_failed_attempt_is_tried_again_after_the_backoff(board: Board) -> None:
    await board.set(backoff={"initial": seconds(100), "max": seconds(250)})
    task = await board.add(max_attempts=4)
    for attempt, wait in ((1, 100), (2, 200), (3, 250)):
        lease = await board.lease_one()
        assert lease.attempt == attempt
        again = await board.fail(lease, f"boom {attempt}")
        assert (again.status, again.last_error, again.worker) == (Task.PENDING, f"boom {attempt}", "")
        planned = (again.schedule_time.ToNanoseconds() - again.update_time.ToNanoseconds()) / 1e9
        assert wait * 0.89 <= planned <= wait * 1.11
        assert await board.lease(10) == []
        await board.update(task, schedule_time=None)
    last = await board.fail(await board.lease_one(), "boom 4")
    assert (last.status, last.last_error, last.attempt) == (Task.FAILED, "boom 4", 4)
    assert last.HasField("end_time")


async def test_a_worker_says_when_to_try_again(board: Board) -> None:
    await board.add()
    again = await board.fail(await board.lease_one(), retry_after=0)
    assert again.status == Task.PENDING
    assert (await board.lease_one()).attempt == 2


async def test_what_is_not_worth_another_try_fails_at_once(board: Board) -> None:
    await board.add(max_attempts=5)
    assert (await board.fail(await board.lease_one(), retryable=False)).status == Task.FAILED
    assert await board.lease(10) == []


async def test_a_task_is_tried_as_often_as_its_queue_says_when_it_does_not_say_it(board: Board) -> None:
    assert (await board.add()).max_attempts == 5
    await board.set(default_max_attempts=1)
    task = await board.add(queue="jobs", priority=Task.URGENT)
    assert task.max_attempts == 1
    assert (await board.fail(await board.lease_one())).status == Task.FAILED


async def test_a_released_task_waits_again_as_if_it_had_not_been_tried(board: Board) -> None:
    task = await board.add()
    back = await board.release(await board.lease_one())
    assert (back.status, back.attempt, back.worker) == (Task.PENDING, 0, "")
    assert (await board.lease_one()).attempt == 1
    assert "task.released" in await board.history(task)


async def test_a_snoozed_task_waits_for_its_time(board: Board) -> None:
    await board.add()
    back = await board.release(await board.lease_one(), retry_after=3600)
    assert (back.status, back.attempt) == (Task.PENDING, 0)
    assert back.schedule_time.ToNanoseconds() > moment(3500).ToNanoseconds()
    assert await board.lease(10) == []


async def test_an_extended_lease_ends_later(board: Board) -> None:
    task = await board.add()
    lease = await board.lease_one(duration=30)
    extended = await board.extend(lease, 600)
    assert extended.lease_expire_time.ToNanoseconds() > moment(590).ToNanoseconds()
    assert (await board.get(task)).lease_expire_time == extended.lease_expire_time


@pytest.mark.parametrize("late", ["complete", "fail", "release", "extend", "progress"])
async def test_a_late_answer_is_refused_and_changes_nothing(board: Board, late: str) -> None:
    task = await board.add()
    lost = await board.lease_one(duration=1)
    held = await board.lease_one(wait=20, worker="second")
    before = await board.get(task)
    answers = {
        "complete": lambda: board.complete(lost, mine=True),
        "fail": lambda: board.fail(lost),
        "release": lambda: board.release(lost),
        "extend": lambda: board.extend(lost, 60),
        "progress": lambda: board.progress(lost, 99),
    }
    with pytest.raises(LeaseLost):
        await answers[late]()
    assert await board.get(task) == before
    assert before.worker == "second"
    assert (await board.complete(held)).status == Task.COMPLETED


async def test_an_answer_counts_once(board: Board) -> None:
    await board.add()
    lease = await board.lease_one()
    done = await board.complete(lease)
    with pytest.raises(LeaseLost):
        await board.complete(lease)
    with pytest.raises(LeaseLost):
        await board.fail(lease)
    assert (await board.get(done)) == done


async def test_a_lease_runs_out_to_the_second(board: Board) -> None:
    task = await board.add(max_attempts=2)
    first = await board.lease_one(duration=1)
    second = await board.lease_one(wait=20, duration=1)
    waited = (second.task.start_time.ToNanoseconds() - first.expire_time.ToNanoseconds()) / 1e9
    assert waited >= 0
    assert second.attempt == 2
    seen = await eventually(lambda: board.get(task), lambda seen: seen.status != Task.IN_PROGRESS)
    assert seen.status == Task.FAILED
    assert "lease" in seen.last_error


async def test_the_same_request_id_gets_the_first_answer_again(board: Board) -> None:
    await board.add()
    lease = await board.lease_one()
    request = CompleteLeaseRequest(lease_id=lease.lease_id, request_id="once")
    assert await board.queues.CompleteLease(request) == await board.queues.CompleteLease(request)
