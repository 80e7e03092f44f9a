"""What a queue tells of what has ended, however long ago."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from uuid_utils.compat import uuid7

from chassis.postgres import Pool, connect
from tasksvc.domain.queue import Queue, QueueRef
from tasksvc.queue_figures import THROUGHPUT_WINDOW, Figures, QueueFigures
from tasksvc.queue_store import QueueStore
from tasksvc.statements import SQL
from tests.integration.tasksvc.faults.replica import settle_in

WINDOW = THROUGHPUT_WINDOW + 10

End = Callable[..., Awaitable[None]]


@pytest.fixture(scope="module")
async def pool(database: str) -> AsyncIterator[Pool]:
    async with connect(database, "tasksvc", 2) as opened:
        yield opened


@pytest.fixture(scope="module")
async def home(database: str) -> str:
    project, _ = await settle_in(database)
    return project


@pytest.fixture
async def queue(pool: Pool, home: str) -> Queue:
    return await QueueStore(pool).pause(QueueRef(home, f"q-{uuid7()}"), "")


@pytest.fixture
def end(pool: Pool, queue: Queue) -> End:
    """Counts that tasks ended so many seconds ago, as statements that end some do."""

    async def note(ago: float, completed: int = 0, failed: int = 0, cancelled: int = 0) -> None:
        await pool.execute(
            "INSERT INTO job_ends (queue_id, time, completed, failed, cancelled)"
            " VALUES ($1, now() - make_interval(secs => $2), $3, $4, $5)",
            queue.id,
            ago,
            completed,
            failed,
            cancelled,
        )

    return note


async def ended(pool: Pool, queue: Queue) -> Figures:
    (figures,) = await QueueFigures(pool).of([queue])
    return figures


async def rows(pool: Pool, queue: Queue) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM job_ends WHERE queue_id = $1", queue.id)
    return count


async def test_nothing_is_lost_or_counted_twice_by_adding_up(pool: Pool, queue: Queue, end: End) -> None:
    for ago in range(0, 900, 3):
        await end(ago, completed=1)
    await end(400, failed=2)
    await end(1, cancelled=3)
    before = await ended(pool, queue)
    assert (before.completed, before.failed, before.cancelled) == (300, 2, 3)
    for _ in range(3):
        await pool.execute(SQL["fold_ends"], WINDOW)
        after = await ended(pool, queue)
        assert (after.completed, after.failed, after.cancelled) == (300, 2, 3)
    await end(700, failed=1)
    await pool.execute(SQL["fold_ends"], WINDOW)
    assert (await ended(pool, queue)).failed == 3
    assert await rows(pool, queue) < 40


async def test_what_is_old_becomes_one_row_a_queue(pool: Pool, queue: Queue, end: End) -> None:
    for ago in range(400, 900, 10):
        await end(ago, completed=1)
        await pool.execute(SQL["fold_ends"], WINDOW)
    assert await rows(pool, queue) == 1
    assert (await ended(pool, queue)).completed == 50


async def test_the_throughput_is_that_of_the_last_minutes(pool: Pool, queue: Queue, end: End) -> None:
    await end(600, completed=1000)
    await end(60, completed=40, failed=5)
    await end(0, cancelled=5)
    assert (await ended(pool, queue)).throughput == pytest.approx(50 * 60 / THROUGHPUT_WINDOW)
