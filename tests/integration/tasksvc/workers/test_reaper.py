"""Leases that ran out."""

from tasksvc.domain.queue import QueueRef
from tasksvc.domain.task import Status, Task
from tests.integration.tasksvc.workers.crew import Crew


async def abandon(crew: Crew, queue: str) -> None:
    """A worker takes what there is, and is not heard of again: as if its lease had passed."""
    ref = QueueRef(crew.first.replica.project_id, queue)
    assert await crew.first.leases.lease([ref], 1000, worker="wall-e", duration=30, streamed=False)
    await crew.sql("UPDATE jobs SET lease_expire_time = now() - interval '1 second' WHERE worker = 'wall-e'")


async def jobs(crew: Crew, queue: str, count: int, **fields: int) -> list[Task]:
    return [await crew.add(str(number), queue=queue, max_attempts=2, **fields) for number in range(count)]


async def test_a_task_whose_lease_ran_out_waits_again_and_has_failed_when_no_attempt_is_left(crew: Crew) -> None:
    (task,) = await jobs(crew, "one", 1)
    await abandon(crew, "one")
    await crew.take_back()
    seen = await crew.now(task)
    assert (seen.status, seen.attempt, seen.worker) == (Status.PENDING, 1, "")
    assert "wall-e" in seen.last_error
    await abandon(crew, "one")
    await crew.take_back()
    assert (await crew.now(task)).status is Status.FAILED


async def test_each_lease_is_taken_back_once_by_three_replicas_at_the_same_time(crew: Crew) -> None:
    tasks = await jobs(crew, "many", 300)
    await abandon(crew, "many")
    await crew.take_back()
    for task in tasks:
        assert (await crew.now(task)).version == 3


async def test_a_lease_that_holds_is_left_alone(crew: Crew) -> None:
    (task,) = await jobs(crew, "held", 1)
    ref = QueueRef(crew.first.replica.project_id, "held")
    await crew.first.leases.lease([ref], 1, worker="eve", duration=30, streamed=False)
    await crew.take_back()
    assert (await crew.now(task)).status is Status.IN_PROGRESS


async def test_other_replicas_show_it_at_once(crew: Crew) -> None:
    (task,) = await jobs(crew, "shown", 1)
    other = crew.hands[2].replica
    await other.believes()
    await abandon(crew, "shown")
    await other.caches(task.id)
    await crew.take_back()
    assert (await other.get(task.id)).version == 3
