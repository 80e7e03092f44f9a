"""What can't be taken is refused by name, and leaves nothing behind."""

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.tasks.v1.tasks_pb2 import Task
from uuid_utils.compat import uuid7

from chassis.errors import InvalidField, LeaseLost, ProjectNotFound
from tests.conformance.board import Board, seconds

DAY = 86_400


@pytest.mark.parametrize("name", ["Jobs", "a b", "a/b", "очередь", "x" * 65, "jobs\n"])
async def test_a_queue_s_name_has_few_characters(board: Board, name: str) -> None:
    for attempt in (board.add(queue=name), board.lease(1, queue=name), board.queue(name), board.pause(name)):
        with pytest.raises(InvalidField, match="a-z, 0-9"):
            await attempt
    assert await board.listed() == []


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("task.unique_key", {"unique_key": "x" * 201}),
        ("task.unique_key", {"unique_scope": Task.RUNNING}),
        ("task.unique_period", {"unique_key": "x", "unique_scope": Task.PERIOD}),
        ("task.unique_period", {"unique_key": "x", "unique_period": seconds(5)}),
        ("task.unique_period", {"unique_key": "x", "unique_scope": Task.PERIOD, "unique_period": seconds(0)}),
        ("task.concurrency_key", {"concurrency_key": "x" * 201}),
        ("task.concurrency_key", {"concurrency_key": "x", "queue": ""}),
        ("task.max_attempts", {"max_attempts": 101}),
        ("task.max_attempts", {"max_attempts": -1}),
        ("task.max_attempts", {"max_attempts": 3, "queue": ""}),
        ("task.blocked_by", {"blocked_by": ["somebody"]}),
        ("task.blocked_by", {"blocked_by": [str(uuid7()) for _ in range(101)]}),
        ("task.recurrence", {"recurrence": "every monday"}),
        ("task.recurrence", {"recurrence": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}),
        ("task.recurrence", {"recurrence": "FREQ=SECONDLY"}),
        ("task.recurrence", {"recurrence": "FREQ=DAILY;UNTIL=20200101T000000Z"}),
        ("task.recurrence", {"recurrence": "FREQ=DAILY;" + "X" * 500}),
        ("task.recurrence_time_zone", {"recurrence": "FREQ=DAILY", "recurrence_time_zone": "Mars/Olympus"}),
        ("task.recurrence_mode", {"recurrence_mode": Task.ON_SCHEDULE}),
    ],
)
async def test_a_task_for_workers_says_what_can_be_done(board: Board, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidField) as refused:
        await board.add(**values)
    assert any(each.field.startswith(field) for each in refused.value.violations), refused.value.violations
    assert await board.listed() == []


async def test_a_payload_may_be_large_but_not_larger(board: Board) -> None:
    await board.add(payload={"text": "x" * 200_000})
    with pytest.raises(InvalidField, match="payload"):
        await board.add(payload={"text": "x" * 300_000})
    assert len(await board.listed()) == 1


async def test_a_result_may_be_large_but_not_larger(board: Board) -> None:
    await board.add()
    lease = await board.lease_one()
    with pytest.raises(InvalidField, match="result"):
        await board.complete(lease, text="x" * 300_000)
    assert (await board.complete(lease, text="x" * 200_000)).status == Task.COMPLETED


async def test_a_batch_has_a_thousand_tasks_at_most(board: Board) -> None:
    with pytest.raises(InvalidField, match="requests"):
        await board.add_all(*(board.task(str(number)) for number in range(1001)))
    assert await board.listed() == []


@pytest.mark.parametrize("duration", [0, 0.5, 3601, DAY, -1])
async def test_a_lease_lasts_a_second_to_an_hour(board: Board, duration: float) -> None:
    await board.add()
    with pytest.raises(InvalidField, match="lease_duration"):
        await board.lease(1, duration=duration)
    lease = await board.lease_one()
    with pytest.raises(InvalidField, match="lease_duration"):
        await board.extend(lease, duration)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("max", {"max": 1001}),
        ("max", {"max": -1}),
        ("wait", {"wait": Duration(seconds=61)}),
        ("wait", {"wait": Duration(seconds=-1)}),
        ("worker", {"worker": "x" * 129}),
        ("more_queues", {"more_queues": [f"q{number}" for number in range(32)]}),
        ("project_id", {"project_id": "home"}),
    ],
)
async def test_a_worker_asks_for_what_there_can_be(board: Board, field: str, values: dict[str, Any]) -> None:
    await board.add()
    with pytest.raises(InvalidField, match=field):
        await board.queues.LeaseTasks(
            pb.LeaseTasksRequest(**{"queue": "jobs", "project_id": board.project_id, **values})
        )
    assert (await board.queue()).depth.waiting == 1


async def test_an_unknown_lease_is_lost_and_one_that_is_none_is_refused(board: Board) -> None:
    await board.add()
    for lease_id, error in ((str(uuid7()), LeaseLost), ("mine", InvalidField), ("", InvalidField)):
        with pytest.raises(error):
            await board.complete(pb.Lease(lease_id=lease_id))


async def test_the_lease_of_somebody_else_s_project_is_as_good_as_none(board: Board, new_board) -> None:
    stranger = await new_board()
    await board.add()
    lease = await board.lease_one()
    for attempt in (stranger.complete(lease), stranger.fail(lease), stranger.release(lease), stranger.extend(lease, 9)):
        with pytest.raises(LeaseLost):
            await attempt
    assert (await board.complete(lease)).status == Task.COMPLETED


async def test_nobody_works_on_or_looks_into_a_project_that_is_not_theirs(board: Board, new_board) -> None:
    stranger = await new_board()
    await board.add()
    there = Board(stranger.username, board.project_id, stranger.wires)
    for attempt in (there.lease(1), there.queue(), there.pause(), there.set(max_concurrency=1)):
        with pytest.raises(ProjectNotFound):
            await attempt


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("max_concurrency", {"max_concurrency": -1}),
        ("default_max_attempts", {"default_max_attempts": 101}),
        ("rate_limit", {"rate_limit": {"tasks": 0}}),
        ("rate_limit", {"rate_limit": {"tasks": 5, "period": Duration(seconds=DAY + 1)}}),
        ("backoff", {"backoff": {"initial": Duration(seconds=DAY + 1)}}),
        ("default_lease_duration", {"default_lease_duration": Duration(seconds=DAY)}),
        ("retention", {"retention": Duration(seconds=1)}),
    ],
)
async def test_a_queue_s_settings_have_bounds(board: Board, field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidField, match=field):
        await board.set(**settings)


@pytest.mark.parametrize("percent", [-1, 101])
async def test_progress_is_a_percentage(board: Board, percent: int) -> None:
    await board.add()
    lease = await board.lease_one()
    with pytest.raises(InvalidField, match="percent"):
        await board.progress(lease, percent)


async def test_an_error_has_bounds_too(board: Board) -> None:
    await board.add()
    lease = await board.lease_one()
    with pytest.raises(InvalidField, match="error"):
        await board.fail(lease, "x" * 8193)
    with pytest.raises(InvalidField, match="retry_after"):
        await board.fail(lease, retry_after=8 * DAY)
    assert (await board.fail(lease, "x" * 8192)).status == Task.PENDING
