"""How many tasks of a queue run at a time, and how fast they are started."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from taskbell.queues.v1 import queues_pb2 as pb

from tests.conformance.board import Board, seconds


async def drain(board: Board, workers: int, most: int, look: Callable[[], Awaitable[None]]) -> int:
    """Does everything in the queue; how many tasks there were."""
    done = 0

    async def work(name: str) -> None:
        nonlocal done
        while leases := await board.lease(most, worker=name, wait=1):
            await look()
            for lease in leases:
                await board.complete(lease)
                done += 1

    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(work(f"w{number}"))
    return done


async def test_no_more_tasks_run_than_the_queue_allows(board: Board) -> None:
    await board.set(max_concurrency=3)
    await board.add_all(*(board.task(str(number)) for number in range(30)))
    most = 0

    async def look() -> None:
        nonlocal most
        most = max(most, (await board.queue()).depth.running)

    assert await drain(board, workers=5, most=10, look=look) == 30
    assert 0 < most <= 3


async def test_a_place_is_free_when_a_task_ends_or_is_given_back(board: Board) -> None:
    await board.set(max_concurrency=1)
    await board.add_all(board.task("a"), board.task("b"))
    first = await board.lease_one()
    assert await board.lease(5) == []
    await board.release(first)
    again = await board.lease_one()
    assert again.task.title == "a"
    await board.cancel(again.task)
    assert (await board.lease_one()).task.title == "b"


async def test_no_more_tasks_with_the_same_key_run_than_the_queue_allows(board: Board) -> None:
    await board.set(max_concurrency_per_key=2)
    await board.add_all(*(board.task(f"{key}{number}", concurrency_key=key) for key in "ab" for number in range(12)))
    await board.add("free")
    assert Counter(title[0] for title in await board.titles()) == {"a": 2, "b": 2, "f": 1}
    assert await board.lease(10) == []


async def test_tasks_held_back_by_their_key_follow_in_their_order(board: Board) -> None:
    await board.set(max_concurrency_per_key=1)
    names = [f"a{number}" for number in range(6)]
    await board.add_all(*(board.task(name, concurrency_key="a") for name in names))
    done = []
    for _ in names:
        (lease,) = await board.lease(10)
        done.append(lease.task.title)
        await board.complete(lease)
    assert done == names


async def test_keyed_tasks_are_all_done_by_many_workers_and_never_run_together(board: Board) -> None:
    await board.set(max_concurrency_per_key=1)
    await board.add_all(
        *(board.task(f"{key}{number}", concurrency_key=key) for number in range(15) for key in ("a", "b", "c"))
    )
    together = 0

    async def look() -> None:
        nonlocal together
        running = list(await board.listed(filter="status = IN_PROGRESS"))
        keys = Counter(task.concurrency_key for task in running)
        together = max([together, *keys.values()])

    assert await drain(board, workers=4, most=5, look=look) == 45
    assert together <= 1


async def test_keys_are_free_where_the_queue_sets_no_limit(board: Board) -> None:
    await board.add_all(*(board.task(str(number), concurrency_key="a") for number in range(5)))
    assert len(await board.lease(10)) == 5


async def test_raising_a_limit_lets_go_on_at_once(board: Board) -> None:
    await board.set(max_concurrency_per_key=1)
    await board.add_all(*(board.task(str(number), concurrency_key="a") for number in range(5)))
    assert len(await board.lease(10)) == 1
    await board.set(max_concurrency_per_key=3)
    assert len(await board.lease(10)) == 2
    await board.set(max_concurrency_per_key=0)
    assert len(await board.lease(10)) == 2


async def test_tasks_are_started_no_faster_than_the_queue_allows(board: Board) -> None:
    await board.set(rate_limit={"tasks": 3, "period": seconds(3600)})
    await board.add_all(*(board.task(str(number)) for number in range(10)))
    assert len(await board.lease(10)) == 3
    assert await board.lease(10) == []
    await board.set(rate_limit=None)
    assert len(await board.lease(10)) == 7


async def test_a_rate_lets_go_on_when_its_time_has_come(board: Board) -> None:
    await board.set(rate_limit={"tasks": 2, "period": seconds(1)})
    await board.add_all(*(board.task(str(number)) for number in range(6)))
    leases: list[pb.Lease] = []
    async with asyncio.timeout(60):
        while len(leases) < 6:
            leases += await board.lease(10, wait=5)
    times = [lease.task.start_time.ToNanoseconds() / 1e9 for lease in leases]
    for first, third in zip(times, times[2:], strict=False):
        assert third - first >= 0.4  # two a second: what was saved up may come close to what follows


async def test_a_paused_queue_gives_nothing_until_it_is_resumed(board: Board) -> None:
    paused = await board.pause()
    assert paused.HasField("pause_time")
    await board.add()
    assert await board.lease(10) == []
    waiting = asyncio.create_task(board.lease(10, wait=30))
    resumed = await board.resume()
    assert not resumed.HasField("pause_time")
    assert len(await waiting) == 1


async def test_what_runs_when_a_queue_is_paused_is_finished(board: Board) -> None:
    await board.add_all(board.task("a"), board.task("b"))
    lease = await board.lease_one()
    await board.pause()
    assert (await board.extend(lease, 60)).status == lease.task.status
    await board.complete(lease)
    assert await board.lease(10) == []
    await board.resume()
    assert await board.titles() == ["b"]
