"""What it costs to look whether the stream has lost something, however long it is, and to find out what."""

import asyncio
import random
import time
from collections.abc import Awaitable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.queue_table import fresh_database
from bench.report import Row
from bench.stage import Stage
from chassis import jetstream, postgres
from chassis.jetstream import EVENT_ID, STREAM, Bus
from chassis.postgres import Pool
from devstack import nats
from devstack.folder import open_folder
from devstack.ports import free_port
from devstack.services import migrate
from tasksvc.ledger import Ledger
from tasksvc.partitions import PARTITIONS

LENGTHS = (10_000, 100_000, 1_000_000)
LOST = 1_000
BODY = bytes(600)
FILL = """
INSERT INTO events (event_id, partition, type, body, stream_sequence)
SELECT lpad(to_hex(n), 32, '0')::uuid, n % $3, 'member.added', '{}', n FROM generate_series($1::bigint, $2::bigint) AS n
"""


async def looks(stage: Stage) -> list[Row]:
    """A stream and a ledger that agree, ever longer; then a few messages are deleted."""
    rows: list[Row] = []
    with TemporaryDirectory() as place:
        async with (
            open_folder(Path(place)) as (folder, secrets),
            fresh_database(stage.stack, "bench_ledger") as url,
        ):
            await migrate("tasksvc", url)
            server = nats.nats(folder, free_port(), secrets.nats)
            await server.start()
            async with (
                postgres.connect(url, "tasksvc", 4) as pool,
                jetstream.connect(nats.url(server.port, secrets.nats)) as bus,
            ):
                await bus.ready()
                for length in LENGTHS:
                    await _grow(pool, bus, length)
                    rows += await _measure(pool, bus, length)
                for sequence in random.sample(range(1, LENGTHS[-1]), LOST):
                    await bus.jetstream.delete_msg(STREAM, sequence)
                found = await _milliseconds(Ledger(pool, bus).check(range(PARTITIONS)))
                rows.append(Row("ledger", f"{LOST} lost of {LENGTHS[-1]:,}: found", found, "ms"))
            await server.stop()
    return rows


async def _grow(pool: Pool, bus: Bus, length: int) -> None:
    begun = (await bus.extent()).last
    for sequence in range(begun + 1, length + 1):
        event_id = f"00000000-0000-0000-0000-{sequence:012x}"
        await bus.client.publish("taskbell.events.bench", BODY, headers={EVENT_ID: event_id})
    await bus.client.flush(60)
    while (await bus.extent()).last < length:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.1)
    await pool.execute(FILL, begun + 1, length, PARTITIONS)
    await pool.execute("VACUUM ANALYZE events")


async def _measure(pool: Pool, bus: Bus, length: int) -> list[Row]:
    ledger, partitions = Ledger(pool, bus), range(PARTITIONS)
    await ledger.review(partitions)
    return [
        Row("ledger", f"{length:,} events: a look every 3 s", await _milliseconds(ledger.review(partitions)), "ms"),
        Row("ledger", f"{length:,} events: a check every minute", await _milliseconds(ledger.check(partitions)), "ms"),
    ]


async def _milliseconds(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000
