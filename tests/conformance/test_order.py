"""Which tasks a worker gets, and in which order."""

import asyncio
from collections import Counter

from taskbell.tasks.v1.tasks_pb2 import Task

from tests.conformance.board import QUEUE, Board, moment


async def test_nothing_is_leased_from_an_empty_queue_or_one_that_never_was(board: Board) -> None:
    assert await board.lease(10) == []
    assert await board.lease(10, queue="never-was") == []


async def test_a_lease_is_the_task_in_progress_for_this_worker(board: Board) -> None:
    task = await board.add("resize", payload={"width": 200})
    lease = await board.lease_one(worker="crane-1")
    assert (lease.task.id, lease.attempt, lease.task.attempt) == (task.id, 1, 1)
    assert dict(lease.task.payload) == {"width": 200}
    seen = await board.get(task)
    assert (seen.status, seen.worker, seen.lease_expire_time) == (Task.IN_PROGRESS, "crane-1", lease.expire_time)
    assert seen.HasField("start_time")
    assert seen == lease.task


async def test_a_task_is_leased_once(board: Board) -> None:
    await board.add()
    assert len(await board.lease(10)) == 1
    assert await board.lease(10) == []


async def test_no_more_are_leased_than_were_asked_for(board: Board) -> None:
    await board.add_all(*(board.task(str(number)) for number in range(7)))
    assert [len(await board.lease(3)) for _ in range(4)] == [3, 3, 1, 0]


async def test_one_is_leased_if_the_worker_does_not_say_how_many(board: Board) -> None:
    await board.add_all(board.task("a"), board.task("b"))
    assert len(await board.lease(0)) == 1


async def test_higher_priorities_come_first_then_earlier_schedules_then_older_tasks(board: Board) -> None:
    await board.add("old")
    await board.add("new")
    await board.add("long due", schedule_time=moment(-60))
    await board.add("longer due", schedule_time=moment(-120))
    await board.add("low", priority=Task.LOW, schedule_time=moment(-300))
    await board.add("high", priority=Task.HIGH)
    await board.add("urgent", priority=Task.URGENT)
    expected = ["urgent", "high", "longer due", "long due", "old", "new", "low"]
    assert await board.titles(2) + await board.titles(2) + await board.titles() == expected


async def test_a_batch_is_leased_in_the_order_in_which_it_was_sent(board: Board) -> None:
    names = [str(number) for number in range(50)]
    await board.add_all(*map(board.task, names))
    assert await board.titles(20) + await board.titles() == names


async def test_what_comes_late_but_stands_higher_is_leased_next(board: Board) -> None:
    await board.add_all(*(board.task(f"usual {number}") for number in range(4)))
    assert await board.titles(2) == ["usual 0", "usual 1"]
    await board.add("earlier", schedule_time=moment(-3600))
    await board.add("urgent", priority=Task.URGENT)
    assert await board.titles() == ["urgent", "earlier", "usual 2", "usual 3"]


async def test_a_scheduled_task_waits_for_its_time(board: Board) -> None:
    await board.add("later", schedule_time=moment(3600))
    soon = await board.add("soon", schedule_time=moment(1.5))
    assert await board.lease(10) == []
    lease = await board.lease_one(wait=10)
    assert lease.task.title == "soon"
    assert lease.task.start_time.ToNanoseconds() >= soon.schedule_time.ToNanoseconds()
    assert await board.lease(10) == []


async def test_a_task_that_is_rescheduled_moves(board: Board) -> None:
    task = await board.add("a", schedule_time=moment(3600))
    await board.add("b")
    await board.update(task, schedule_time=None, priority=Task.HIGH)
    assert await board.titles() == ["a", "b"]
    other = await board.add("c")
    await board.update(other, schedule_time=moment(3600))
    assert await board.lease(10) == []


async def test_a_waiting_worker_gets_a_task_when_it_comes(board: Board) -> None:
    waiting = asyncio.create_task(board.lease(5, wait=30))
    task = await board.add()
    assert [lease.task.id for lease in await waiting] == [task.id]


async def test_queues_and_projects_do_not_mix(board: Board, new_board) -> None:
    other = await new_board()
    await board.add("here")
    await board.add("elsewhere", queue="other")
    await other.add("abroad")
    assert await board.titles() == ["here"]
    assert await board.titles(queue="other") == ["elsewhere"]
    assert await other.titles() == ["abroad"]


async def test_a_worker_of_several_queues_gets_from_those_named_first(board: Board) -> None:
    await board.add("second", queue="b")
    await board.add("third", queue="c")
    await board.add("first", queue="a")
    leases = await board.lease(2, "b", "c", queue="a")
    assert [lease.task.title for lease in leases] == ["first", "second"]


async def test_a_task_without_a_queue_is_for_people(board: Board) -> None:
    await board.add("water the plants", queue="")
    assert await board.lease(10) == []


async def test_workers_that_ask_at_the_same_time_never_get_the_same_task(board: Board) -> None:
    await board.add_all(*(board.task(str(number)) for number in range(200)))
    taken: Counter[str] = Counter()

    async def work() -> None:
        while leases := await board.lease(7):
            taken.update(lease.task.title for lease in leases)

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(work())
    assert taken == Counter(str(number) for number in range(200))


async def test_a_thousand_are_enqueued_in_one_call(board: Board) -> None:
    made = await board.add_all(*(board.task(str(number)) for number in range(1000)))
    assert len({task.id for task in made}) == 1000
    depth = (await board.queue(QUEUE)).depth
    assert depth.waiting == 1000
