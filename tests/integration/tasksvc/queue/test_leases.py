"""Leases by single calls: nothing is lost on the way, whoever goes away."""

import asyncio
import json
import re
from collections.abc import Callable

import aiohttp
import pytest
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import InvalidField, LeaseLost, RequestIdReused
from devstack.process import Process
from tests.integration.tasksvc.conftest import Person, StartReplica
from tests.integration.tasksvc.queue.conftest import Bench, eventually, seconds


@pytest.fixture(scope="module")
async def other_replica(start_replica: StartReplica) -> Process:
    return await start_replica()


@pytest.fixture
async def elsewhere(bench: Bench, other_replica: Process, at: Callable[[Person, Process], Person]) -> Bench:
    """The same queue through another replica."""
    return bench.by(at(bench.person, other_replica))


async def test_who_waits_on_any_replica_gets_what_is_added_on_any(bench: Bench, elsewhere: Bench) -> None:
    waiting = [asyncio.ensure_future(each.lease(wait=30)) for each in (bench, elsewhere) * 3]
    added = [*await bench.add_many(3), *await elsewhere.add_many(3)]
    leased = [lease.task.id for leases in await asyncio.gather(*waiting) for lease in leases]
    assert sorted(leased) == sorted(task.id for task in added)


async def test_who_waits_in_vain_is_told_so(bench: Bench) -> None:
    assert await bench.lease(wait=0.1) == []


async def test_who_waits_gets_a_task_when_its_time_comes(bench: Bench) -> None:
    task = await bench.add()
    await bench.release(await bench.lease_one(), after=0.5)
    assert (await bench.lease_one(wait=30)).task.id == task.id


async def test_of_several_queues_those_named_first_come_first(bench: Bench, ann: Person) -> None:
    first, second = Bench(ann, f"{bench.queue}-a"), Bench(ann, f"{bench.queue}-b")
    await second.add("b")
    await first.add("a")
    leases = await first.lease(2, more_queues=[second.queue, first.queue])
    assert [lease.task.title for lease in leases] == ["a", "b"]


async def calls_given_up(process: Process) -> float:
    """How many LeaseTasks of this replica have ended because their caller went away."""
    listening = next(line for line in process.log_path.read_text().splitlines() if '"listening"' in line)
    async with aiohttp.request("GET", f"http://{json.loads(listening)['metrics']}/metrics") as response:
        text = await response.text()
    found = re.search(
        r'^taskbell_grpc_requests_total\{code="CANCELLED",method="[^"]*LeaseTasks"\} (\S+)', text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


async def test_who_went_away_while_waiting_leases_nothing(bench: Bench, replica: Process) -> None:
    before = await calls_given_up(replica)
    await bench.set()
    waiting = [asyncio.ensure_future(bench.lease(wait=60, worker=f"worker {number}")) for number in range(5)]
    await bench.until(lambda queue: len(queue.workers) == 5)
    for call in waiting:
        call.cancel()
    await eventually(lambda: calls_given_up(replica), lambda ended: ended - before == 5)
    task = await bench.add()
    lease = await bench.lease_one()
    assert (lease.task.id, lease.attempt) == (task.id, 1)


async def test_answers_that_come_at_once_are_each_answered(bench: Bench) -> None:
    await bench.add_many(12)
    leases = await bench.lease(12)
    await bench.cancel(leases[3].task)
    outcomes = await asyncio.gather(*map(bench.complete, leases), return_exceptions=True)
    assert isinstance(outcomes.pop(3), LeaseLost)
    assert [each.id for each in outcomes if isinstance(each, Task)] == [
        lease.task.id for place, lease in enumerate(leases) if place != 3
    ]


async def test_of_the_same_answer_given_at_once_one_counts(bench: Bench) -> None:
    await bench.add()
    lease = await bench.lease_one()
    outcomes = await asyncio.gather(*(bench.complete(lease) for _ in range(8)), return_exceptions=True)
    assert [each.version for each in outcomes if isinstance(each, Task)] == [3]
    assert sum(isinstance(each, LeaseLost) for each in outcomes) == 7


async def test_a_repeated_answer_gets_the_first_one_s_answer(bench: Bench, elsewhere: Bench) -> None:
    await bench.add()
    lease = await bench.lease_one()
    done, again = await asyncio.gather(
        bench.complete(lease, request_id=lease.lease_id), elsewhere.complete(lease, request_id=lease.lease_id)
    )
    assert (done, done.status) == (again, Task.COMPLETED)
    with pytest.raises(RequestIdReused):
        await bench.person.api.queues.ReleaseLease(
            pb.ReleaseLeaseRequest(lease_id=lease.lease_id, request_id=lease.lease_id)
        )


async def test_a_refused_answer_may_be_repeated(bench: Bench) -> None:
    await bench.add()
    lease = await bench.lease_one()
    stranger = "01934f5e-7b1c-7000-8000-000000000001"
    with pytest.raises(LeaseLost):
        await bench.complete(pb.Lease(lease_id=stranger), request_id=f"done-{lease.lease_id}")
    assert (await bench.complete(lease, request_id=f"done-{lease.lease_id}")).status == Task.COMPLETED


async def test_a_lease_that_is_extended_shows_its_new_end(bench: Bench) -> None:
    await bench.add()
    lease = await bench.lease_one(duration=2)
    task = await bench.person.api.queues.ExtendLease(
        pb.ExtendLeaseRequest(lease_id=lease.lease_id.upper(), lease_duration=seconds(600))
    )
    assert task.lease_expire_time.seconds - lease.expire_time.seconds > 500
    assert await bench.get(task) == task


async def test_a_result_that_can_not_be_kept_is_refused_and_the_lease_goes_on(bench: Bench) -> None:
    await bench.add()
    lease = await bench.lease_one()
    request = pb.CompleteLeaseRequest(lease_id=lease.lease_id)
    request.result.update({"n": float("nan")})
    with pytest.raises(InvalidField, match="result"):
        await bench.person.api.queues.CompleteLease(request)
    assert (await bench.complete(lease)).status == Task.COMPLETED


async def test_a_worker_without_a_name_has_its_user_s(bench: Bench) -> None:
    await bench.add()
    assert (await bench.lease_one()).task.worker == bench.person.username


async def test_answers_larger_than_clients_take_are_cut_and_the_rest_is_left(bench: Bench) -> None:
    added = [await bench.add(payload={"text": "x" * 250_000}) for _ in range(16)]
    first = await bench.lease(16)
    assert 0 < len(first) < 16
    rest = await bench.lease(16)
    assert [lease.task.id for lease in (*first, *rest)] == [task.id for task in added]
    assert {lease.attempt for lease in rest} == {1}
