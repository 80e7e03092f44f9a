"""Work streams: how they begin and end, and what becomes of the leases."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import InvalidField, ServiceError
from devstack.process import Process
from tests.integration.tasksvc.conftest import Person, StartReplica
from tests.integration.tasksvc.queue.conftest import PATIENCE, Bench, completion, eventually, work


async def leased(bench: Bench) -> tuple[str, int, str]:
    """The task that can be leased soon, which attempt it is, and why the one before failed."""
    lease = await bench.lease_one(wait=PATIENCE)
    return lease.task.id, lease.attempt, lease.task.last_error


async def test_a_worker_that_closes_its_stream_gives_back_what_it_has(bench: Bench) -> None:
    task = await bench.add()
    async with work(bench, credit=1) as stream:
        await stream.lease_one()
        await stream.call.done_writing()
        with pytest.raises(EOFError):
            await stream.hear("going_away")
        assert await leased(bench) == (task.id, 1, "")


async def test_what_is_said_last_is_stored(bench: Bench) -> None:
    task = await bench.add()
    async with work(bench, credit=1) as stream:
        lease = await stream.lease_one()
        await stream.say(progress=pb.ReportProgressRequest(lease_id=lease.lease_id, percent=99))
        await stream.say(answers=pb.Answers(answers=[completion(lease)]))
        await stream.call.done_writing()
        with pytest.raises(EOFError):
            await stream.hear("going_away")
    done = await bench.get(task)
    assert (done.status, done.progress.percent) == (Task.COMPLETED, 99)


async def test_a_task_that_cuts_off_its_workers_again_and_again_uses_up_its_attempts(bench: Bench) -> None:
    task = await bench.add(max_attempts=2)
    attempts = []
    for _ in range(5):
        async with work(bench, credit=1) as stream:
            attempts.append((await stream.lease_one()).attempt)
    assert attempts == [1, 1, 1, 1, 2]
    failed = await eventually(lambda: bench.get(task), lambda seen: seen.status == Task.FAILED)
    assert "went away" in failed.last_error


async def test_the_latest_stream_of_a_worker_has_its_leases(bench: Bench) -> None:
    task = await bench.add()
    async with work(bench, credit=1) as first:
        lease = await first.lease_one()
        async with work(bench, holding=[lease.lease_id]) as second:
            first.call.cancel()
            await bench.cancel(task)
            assert list((await second.hear("cancelled")).lease_ids) == [lease.lease_id]


@pytest.fixture
async def leaving(start_replica: StartReplica) -> Process:
    """A replica that comes to its end."""
    return await start_replica()


Move = Callable[[Person, Process], Person]


async def test_a_server_that_leaves_says_so_and_the_worker_goes_on_elsewhere(
    bench: Bench, leaving: Process, at: Move
) -> None:
    task = await bench.add()
    async with work(bench.by(at(bench.person, leaving)), credit=1) as before:
        lease = await before.lease_one()
        going = asyncio.ensure_future(leaving.stop())
        await before.hear("going_away")
        async with work(bench, holding=[lease.lease_id]) as after:
            await before.call.done_writing()
            await going
            assert await after.complete(lease) == [(lease.lease_id, "")]
    done = await bench.get(task)
    assert (done.status, done.attempt) == (Task.COMPLETED, 1)


async def test_a_worker_whose_server_was_killed_goes_on_elsewhere(bench: Bench, leaving: Process, at: Move) -> None:
    task = await bench.add()
    async with work(bench.by(at(bench.person, leaving)), credit=1) as before:
        lease = await before.lease_one()
        await leaving.kill()
        with pytest.raises(ServiceError):
            await before.hear("going_away")
        async with work(bench, holding=[lease.lease_id]) as after:
            assert await after.complete(lease) == [(lease.lease_id, "")]
    assert (await bench.get(task)).status == Task.COMPLETED


async def test_a_server_that_leaves_lets_long_polls_go(bench: Bench, leaving: Process, at: Move) -> None:
    await bench.set()
    there = bench.by(at(bench.person, leaving))
    waiting = asyncio.ensure_future(there.lease(wait=60, worker="waits"))
    await bench.until(lambda queue: bool(queue.workers))
    await leaving.stop()
    assert await waiting == []


async def test_of_many_answers_those_that_break_a_rule_are_refused_alone(bench: Bench) -> None:
    await bench.add_many(3)
    async with work(bench, credit=3) as stream:
        a, b, c = (await stream.hear("leases")).leases
        wordy = pb.Answer(fail=pb.FailLeaseRequest(lease_id=a.lease_id, error="x" * 8193))
        endless = completion(b)
        endless.complete.result.update({"n": float("inf")})
        said = await stream.answer(wordy, endless, completion(c), pb.Answer())
        assert said == [
            (a.lease_id, "INVALID_FIELD"),
            (b.lease_id, "INVALID_FIELD"),
            (c.lease_id, ""),
            ("", "INVALID_FIELD"),
        ]
        # The leases are still there.
        assert await stream.answer(completion(a), completion(b)) == [(a.lease_id, ""), (b.lease_id, "")]


async def test_progress_that_can_not_be_is_refused_and_the_lease_goes_on(bench: Bench) -> None:
    await bench.add()
    async with work(bench, credit=1) as stream:
        lease = await stream.lease_one()
        await stream.say(progress=pb.ReportProgressRequest(lease_id=lease.lease_id, percent=101))
        (refused,) = (await stream.hear("answered")).results
        assert (refused.lease_id, refused.reason) == (lease.lease_id, "INVALID_FIELD")
        assert "percent" in refused.error
        assert await stream.complete(lease) == [(lease.lease_id, "")]


@pytest.mark.parametrize(
    "message",
    [
        {"credit": pb.Credit(tasks=0)},
        {"answers": pb.Answers()},
        {"hello": pb.WorkHello(queues=["jobs"])},
        {},
    ],
    ids=["no credit", "no answers", "hello again", "nothing"],
)
async def test_what_makes_no_sense_ends_the_stream_and_gives_back_the_tasks(
    bench: Bench, message: dict[str, Any]
) -> None:
    task = await bench.add()
    async with work(bench, credit=1) as stream:
        await stream.lease_one()
        await stream.say(**message)
        with pytest.raises(InvalidField):
            await stream.hear("going_away")
    assert await leased(bench) == (task.id, 1, "")


async def test_large_tasks_come_in_messages_that_clients_take(bench: Bench) -> None:
    added = [await bench.add(payload={"text": "x" * 250_000}) for _ in range(16)]
    async with work(bench, credit=16) as stream:
        came: list[str] = []
        while len(came) < 16:
            leases: pb.Leases = await stream.hear("leases")
            assert leases.ByteSize() < 4 * 2**20
            came += [lease.task.id for lease in leases.leases]
    assert came == [task.id for task in added]
