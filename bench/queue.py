"""Queues: how fast tasks are claimed and completed, by the store alone and by workers over gRPC, beside others."""

import asyncio
import sys
from contextlib import AsyncExitStack

import asyncpg

from bench.peers import pgqueuer_peer, procrastinate_peer
from bench.queue_table import QueueTable, fresh_database, queue_table
from bench.report import Row
from bench.stage import Stage

JOBS = {1: 2_000, 10: 10_000, 100: 20_000}
"""Drained by batch size."""
AIM = {1: None, 10: 1.5, 100: 2.0}
WORKERS = 2
MILLION = 1_000_000
ENQUEUED = 3_000


async def beside_others(stage: Stage) -> list[Row]:
    """Claim and complete, by the store, PgQueuer and Procrastinate, on one server, which shares the cores."""
    rows: list[Row] = []
    rates: dict[int, float] = {}
    async with AsyncExitStack() as leaving:
        ours = await leaving.enter_async_context(queue_table(stage.stack))
        peer_url = await leaving.enter_async_context(fresh_database(stage.stack, "bench_pgqueuer"))
        peer = await leaving.enter_async_context(pgqueuer_peer.installed(peer_url))
        other_url = await leaving.enter_async_context(fresh_database(stage.stack, "bench_procrastinate"))
        other = await leaving.enter_async_context(procrastinate_peer.installed(other_url))
        for batch in (1, 100):
            seconds = {
                "store": await ours.enqueue(ENQUEUED, batch, queue="enqueued"),
                "PgQueuer": await peer.enqueue(ENQUEUED, batch),
                "Procrastinate": await other.enqueue(ENQUEUED // 3, batch) * 3,
            }
            rows += [
                Row("queue", f"enqueue by {batch}: {who}", ENQUEUED / spent, "tasks/s", seconds["PgQueuer"] / spent)
                for who, spent in seconds.items()
            ]
        await peer.drain(100, 1)
        await other.drain(10)
        for batch, count in JOBS.items():
            await peer.enqueue(count, 100)
            spent = await peer.drain(batch, 1)
            # However it does better.
            await peer.enqueue(count, 100)
            spent = min(spent, await peer.drain(batch, WORKERS))
            theirs = rates[batch] = count / spent
            await ours.enqueue(count, 100)
            await ours.vacuum()
            done, spent = await ours.drain(batch, WORKERS)
            rows += [
                Row("queue", f"drain by {batch}: store", done / spent, "tasks/s", done / spent / theirs, AIM[batch]),
                Row("queue", f"drain by {batch}: PgQueuer", theirs, "jobs/s", 1.0),
            ]
        await other.enqueue(500, 100)
        spent = await other.drain(10)
        rows.append(Row("queue", "drain: Procrastinate", 500 / spent, "jobs/s", note="it claims one at a time"))
        rows += await _over_grpc(stage, rates)
    return rows


async def _over_grpc(stage: Stage, theirs: dict[int, float]) -> list[Row]:
    """The same by worker processes on a Work stream, through tasksvc with its cache, its relay and its bus."""
    rows = []
    for batch, count in {1: 1_000, 10: 4_000, 100: 8_000}.items():
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.queue_worker", stage.stack.tasks_address, stage.token, stage.project_id),
            *(str(batch), str(count), str(WORKERS)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await worker.communicate()
        rate = count / float(output)
        aim = 1.0 if batch == 10 else None
        rows.append(Row("queue", f"drain by {batch}: gRPC workers", rate, "tasks/s", rate / theirs[batch], aim))
    return rows


async def at_scale(stage: Stage) -> list[Row]:
    """What a claim costs beside a million waiting and a million finished tasks, an old snapshot, and keys."""
    async with queue_table(stage.stack) as table:
        empty = await _rate(table, "empty")
        async with _old_snapshot(table):
            held = await _rate(table, "held")
        keyed = await _keyed(table)
        plain = await _rate(table, "plain")
        await _fill(table)
        full = await _claims(table)
    return [
        Row("queue at scale", "claim + complete by 100", empty, "tasks/s", 1.0),
        Row("queue at scale", "with an old transaction held open", held, "tasks/s", held / empty, 0.75),
        Row("queue at scale", "with 50 keys limited", keyed, "tasks/s", keyed / plain, 0.85),
        Row("queue at scale", "beside 1 M waiting, 1 M finished", full, "tasks/s", full / empty, 0.67),
    ]


async def _rate(table: QueueTable, queue: str) -> float:
    await table.enqueue(JOBS[100], 100, queue=queue)
    await table.vacuum()
    done, spent = await table.drain(100, WORKERS, queue=queue)
    return done / spent


async def _keyed(table: QueueTable) -> float:
    for number in range(JOBS[100] // 400):
        await table.enqueue(400, 100, queue="keyed", concurrency_key=f"key {number}")
    await table.pool.execute("UPDATE queues SET max_concurrency_per_key = 400 WHERE name = 'keyed'")
    await table.vacuum()
    done, spent = await table.drain(100, WORKERS, queue="keyed")
    return done / spent


class _old_snapshot:  # noqa: N801 - used as a function
    """A transaction that keeps every dead row visible."""

    def __init__(self, table: QueueTable) -> None:
        self._url = table.url

    async def __aenter__(self) -> None:
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await self._connection.execute("SELECT 1 FROM pg_class LIMIT 1")

    async def __aexit__(self, *_error: object) -> None:
        await self._connection.close()


async def _fill(table: QueueTable) -> None:
    """Two million tasks, as the store would have left them, without the words that no claim looks at."""
    await table.pool.execute("DROP INDEX tasksvc.tasks_words, tasksvc.tasks_title_trigrams")
    await table.enqueue(1, 1, queue="full")
    for status in (1, 3):
        for _ in range(10):
            await table.pool.execute(_FILL.format(count=MILLION // 10, status=status), timeout=600)
    await table.pool.execute(_FILL_JOBS, timeout=600)
    await table.pool.execute("VACUUM ANALYZE", timeout=600)


async def _claims(table: QueueTable) -> float:
    done, spent = await table.drain(100, WORKERS, queue="full", most=JOBS[100])
    return done / spent


_FILL = """
INSERT INTO tasks (id, project_id, title, creator_id, queue, status, max_attempts, create_time, end_time)
SELECT uuidv7(), project_id, 'x', creator_id, queue, {status}, 5, now(), CASE WHEN {status} = 3 THEN now() END
FROM (SELECT * FROM tasks WHERE queue = 'full' LIMIT 1) AS one, generate_series(1, {count})
"""
_FILL_JOBS = """
INSERT INTO jobs SELECT (jsonb_populate_record(job, jsonb_build_object('task_id', tasks.id))).*
FROM (SELECT jobs FROM jobs JOIN queues ON queues.id = queue_id WHERE name = 'full') AS one (job), tasks
WHERE tasks.queue = 'full' AND tasks.status = 1 AND tasks.id <> (one.job).task_id
"""
