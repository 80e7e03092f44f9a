"""What one replica reads from the database for the operator."""

from collections.abc import AsyncIterator

import pytest

from chassis import postgres
from chassis.postgres import Pool
from tasksvc.readings import Reader
from tests.conftest import FreshDatabase

Figures = dict[tuple[str, ...], float]

COMMITTED = """
INSERT INTO events (event_id, partition, type, time, body, stream_sequence)
SELECT gen_random_uuid(), number % 16, 'task.created', now() - make_interval(secs => $2), '{}', $3
FROM generate_series(1, $1::integer) AS number
"""
ENQUEUED = """
INSERT INTO jobs (task_id, queue_id, priority, ready_time, key, state, blockers)
SELECT gen_random_uuid(), id, 2, now() + make_interval(secs => $2), '', $3, $4 FROM queues WHERE name = $1
"""


@pytest.fixture
async def pool(fresh_database: FreshDatabase) -> AsyncIterator[Pool]:
    """An empty database that nobody else reads, and that knows no projects."""
    async with postgres.connect(await fresh_database(), "tasksvc", 2, session_replication_role="replica") as pool:
        yield pool


@pytest.fixture
async def queues(pool: Pool) -> None:
    """One that is worked on, and a paused one."""
    await pool.execute(
        """INSERT INTO queues (project_id, name, pause_time)
        VALUES (gen_random_uuid(), 'garden', NULL), (gen_random_uuid(), 'paused', now())"""
    )


async def read(reader: Reader) -> Figures:
    """What is told, by metric and labels."""
    return {(figure.name.removeprefix("taskbell_"), *labels): value for figure, labels, value in await reader.read()}


async def test_one_replica_reads_and_another_one_when_it_is_gone(pool: Pool) -> None:
    one, other = Reader(pool), Reader(pool)
    assert await read(one)
    assert not await read(other)
    assert await read(one)
    await pool.execute("UPDATE ownerships SET expire_time = now() WHERE name = 'readings'")  # as if time had passed
    assert await read(other)
    assert not await read(one)


async def test_events_that_nobody_publishes_are_seen_to_wait(pool: Pool) -> None:
    await pool.execute(COMMITTED, 3, 60.0, None)
    await pool.execute(COMMITTED, 1, 3600.0, None)
    await pool.execute(COMMITTED, 5, 7200.0, 1)
    figures = await read(Reader(pool))
    assert figures["outbox_waiting_events",] == 4
    assert 3600 <= figures["outbox_oldest_waiting_age_seconds",] < 7200


async def test_an_empty_outbox_has_no_age(pool: Pool) -> None:
    figures = await read(Reader(pool))
    assert (figures["outbox_waiting_events",], figures["outbox_oldest_waiting_age_seconds",]) == (0, 0)


async def test_tasks_of_queues_are_counted_by_what_they_wait_for(pool: Pool, queues: None) -> None:
    for queue, ready_in, state, blockers in (
        ("garden", -60.0, 1, 0),
        ("garden", 3600.0, 1, 0),
        ("garden", -60.0, 1, 2),
        ("garden", -60.0, 2, 0),
        ("garden", -60.0, 3, 0),
        ("paused", -3600.0, 1, 0),
    ):
        await pool.execute(ENQUEUED, queue, ready_in, state, blockers)
    figures = await read(Reader(pool))
    assert [figures["queue_depth", state] for state in ("waiting", "scheduled", "blocked", "running")] == [2, 1, 2, 1]
    assert figures["queues_paused",] == 1


async def test_only_what_may_start_grows_old(pool: Pool, queues: None) -> None:
    await pool.execute(ENQUEUED, "paused", -3600.0, 1, 0)
    await pool.execute(ENQUEUED, "garden", -3600.0, 1, 2)
    assert (await read(Reader(pool)))["queue_oldest_waiting_age_seconds",] == 0
    await pool.execute("UPDATE ownerships SET expire_time = now() WHERE name = 'readings'")
    await pool.execute(ENQUEUED, "garden", -60.0, 1, 0)
    assert 60 <= (await read(Reader(pool)))["queue_oldest_waiting_age_seconds",] < 3600
