"""What people do with tasks that workers have, or will have."""

import asyncio

import pytest
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.projects.v1.projects_pb2_grpc import ProjectServiceStub
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import IllegalTransition, LeaseLost, QueueNotFound
from tests.conformance.board import Board, moment


async def running(board: Board) -> Task:
    task = await board.add()
    await board.lease_one()
    return task


async def waiting(board: Board) -> Task:
    return await board.add()


async def scheduled(board: Board) -> Task:
    return await board.add(schedule_time=moment(3600))


async def failed(board: Board) -> Task:
    await board.add()
    return await board.fail(await board.lease_one(), retryable=False)


async def done(board: Board) -> Task:
    await board.add()
    return await board.complete(await board.lease_one())


async def cancelled(board: Board) -> Task:
    return await board.cancel(await board.add())


@pytest.mark.parametrize("state", [waiting, scheduled, running])
async def test_what_has_not_ended_can_be_cancelled(board: Board, state) -> None:
    task = await state(board)
    after = await board.cancel(task)
    assert (after.status, after.worker) == (Task.CANCELLED, "")
    assert await board.lease(10) == []


@pytest.mark.parametrize("state", [failed, done, cancelled])
async def test_what_has_ended_can_not_be_cancelled(board: Board, state) -> None:
    with pytest.raises(IllegalTransition):
        await board.cancel(await state(board))


@pytest.mark.parametrize("state", [failed, done, cancelled])
async def test_what_has_ended_can_be_tried_again_from_the_first_attempt(board: Board, state) -> None:
    task = await state(board)
    again = await board.reopen(task)
    assert (again.status, again.attempt) == (Task.PENDING, 0)
    lease = await board.lease_one()
    assert (lease.task.id, lease.attempt) == (task.id, 1)


@pytest.mark.parametrize("state", [waiting, scheduled, running])
async def test_what_has_not_ended_can_not_be_reopened(board: Board, state) -> None:
    with pytest.raises(IllegalTransition):
        await board.reopen(await state(board))


async def test_a_waiting_task_can_be_snoozed_and_woken(board: Board) -> None:
    task = await waiting(board)
    await board.update(task, schedule_time=moment(3600))
    assert await board.lease(10) == []
    await board.update(task, schedule_time=None)
    assert len(await board.lease(10)) == 1


async def test_a_task_that_a_person_does_is_no_worker_s(board: Board) -> None:
    task = await board.add()
    await board.start(task)
    assert await board.lease(10) == []
    assert (await board.finish(task)).status == Task.COMPLETED
    assert (await board.queue()).depth.running == 0


@pytest.mark.parametrize("end", ["finish", "cancel", "delete"])
async def test_the_lease_of_a_task_that_a_person_ended_is_lost(board: Board, end: str) -> None:
    task = await board.add()
    lease = await board.lease_one()
    await {"finish": board.finish, "cancel": board.cancel, "delete": board.delete}[end](task)
    for answer in (board.complete(lease), board.fail(lease), board.progress(lease, 5), board.extend(lease, 60)):
        with pytest.raises(LeaseLost):
            await answer


async def test_a_deleted_task_is_not_leased_and_a_restored_one_is(board: Board) -> None:
    task = await board.add()
    await board.delete(task)
    assert await board.lease(10) == []
    await board.restore(task)
    assert len(await board.lease(10)) == 1


async def test_a_task_can_be_edited_while_it_runs(board: Board) -> None:
    task = await board.add()
    lease = await board.lease_one()
    await board.update(task, title="a better name", priority=Task.HIGH)
    finished = await board.complete(lease)
    assert (finished.title, finished.priority, finished.status) == ("a better name", Task.HIGH, Task.COMPLETED)


async def test_a_task_that_moves_goes_to_the_queue_of_that_name_there(board: Board) -> None:
    task = await board.add()
    there = await ProjectServiceStub(board.wires[0]).CreateProject(
        projects.CreateProjectRequest(project=projects.Project(title="there"))
    )
    await board.update(task, project_id=there.id)
    assert await board.lease(10) == []
    moved = Board(board.username, there.id, board.wires)
    assert len(await moved.lease(10)) == 1


async def test_a_queue_tells_what_is_in_it(board: Board) -> None:
    with pytest.raises(QueueNotFound):
        await board.queue()
    gate = await board.add("gate", queue="")
    await board.add_all(*(board.task(str(number)) for number in range(7)))
    await board.add("later", schedule_time=moment(3600))
    await board.add("blocked", blocked_by=[gate.id])
    leases = await board.lease(4, worker="crane-1")
    await board.complete(leases[0])
    await board.fail(leases[1], retryable=False)
    await board.cancel(leases[2].task)
    queue = await board.queue()
    depth = queue.depth
    assert (depth.waiting, depth.scheduled, depth.blocked, depth.running) == (3, 1, 1, 1)
    assert (depth.completed, depth.failed, depth.cancelled) == (1, 1, 1)
    assert queue.HasField("oldest_waiting_age")
    assert queue.throughput > 0
    assert [(worker.name, worker.leases) for worker in queue.workers] == [("crane-1", 1)]


async def test_a_retried_task_is_seen_by_whoever_reads_next_on_any_replica(board: Board) -> None:
    task = await board.add()
    for attempt in range(1, 5):
        lease = await board.lease_one()
        seen = await asyncio.gather(*(board.get(task) for _ in board.wires))
        assert {(each.status, each.attempt) for each in seen} == {(Task.IN_PROGRESS, attempt)}
        await board.fail(lease, retry_after=0)
        seen = await asyncio.gather(*(board.get(task) for _ in board.wires))
        assert {each.status for each in seen} == {Task.PENDING}
