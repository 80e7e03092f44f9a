"""What the stream had acknowledged and then lost is found and published again: once, whoever dies meanwhile."""

import asyncio
import shutil
from collections import defaultdict
from pathlib import Path

from chassis.jetstream import STREAM
from devstack.process import Process
from tests.integration.tasksvc.conftest import Person, StartReplica
from tests.integration.tasksvc.faults.writing import write, writing
from tests.integration.tasksvc.outbox import Outbox


async def places(outbox: Outbox) -> dict[str, list[int]]:
    """Where each task's events are, in the order of its versions."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in await outbox.committed():
        if row["task_id"]:
            found[str(row["task_id"])].append(row["stream_sequence"])
    return found


async def take_out(outbox: Outbox, *sequences: int) -> set[str]:
    """Deletes messages; which events they were."""
    events = {sequence: event.event_id for sequence, event in await outbox.published()}
    for sequence in sequences:
        await outbox.bus.jetstream.delete_msg(STREAM, sequence)
    return {events[sequence] for sequence in sequences}


async def test_what_was_taken_out_of_the_middle_is_published_again_at_the_end(ann: Person, outbox: Outbox) -> None:
    for _ in range(3):
        await write(ann)
    await outbox.check()
    (_, first, second, *_), (lone, *_), _ = (await places(outbox)).values()
    end = (await outbox.bus.extent()).last
    late = await take_out(outbox, first, second, lone)
    await outbox.healed(3)
    await outbox.check(late)
    assert {event.event_id for sequence, event in await outbox.published() if sequence > end} == late
    (_, first, second, *_), (lone, *_), _ = (await places(outbox)).values()
    assert end < first < second, "those of one task are in order among themselves"
    late |= await take_out(outbox, second)
    await outbox.healed(4)
    await outbox.check(late)


async def test_a_task_goes_on_after_one_of_its_events_was_published_again(ann: Person, outbox: Outbox) -> None:
    async with writing(ann):
        await asyncio.sleep(0.3)
        await outbox.emptied()
        sequences = [sequence for found in (await places(outbox)).values() for sequence in found[1:-1:4]]
        late = await take_out(outbox, *sequences)
        before = await outbox.pool.fetchval("SELECT sum(losses) FROM events")
        await outbox.healed(before + len(late))
        await asyncio.sleep(0.3)
    await outbox.emptied()
    lost = await outbox.pool.fetch("SELECT event_id FROM events WHERE losses > 0")
    await outbox.check({str(row["event_id"]) for row in lost})


async def test_one_who_published_again_and_died_before_he_noted_it_leaves_no_double(
    ann: Person, outbox: Outbox, replica: Process, start_replica: StartReplica
) -> None:
    await write(ann)
    await outbox.emptied()
    (*_, (_, second, third, *_)) = (await places(outbox)).values()
    before = await outbox.pool.fetchval("SELECT sum(losses) FROM events")
    await take_out(outbox, second, third)
    await outbox.healed(before + 2)
    await outbox.check(late := {str(row["event_id"]) for row in await outbox.committed() if row["losses"]})
    published = await outbox.published()
    (*_, last) = (await places(outbox)).values()
    for sequence in last:
        await outbox.pool.execute("UPDATE events SET stream_sequence = NULL WHERE stream_sequence = $1", sequence)
        await outbox.emptied()
    await outbox.pool.execute("UPDATE events SET stream_sequence = NULL")
    await outbox.check(late)
    assert await outbox.published() == published


async def test_what_was_purged_before_its_time_is_published_again(ann: Person, outbox: Outbox) -> None:
    await write(ann)
    await outbox.emptied()
    extent = await outbox.bus.extent()
    count = len(await outbox.published())
    before = await outbox.pool.fetchval("SELECT sum(losses) FROM events")
    await outbox.bus.jetstream.purge_stream(STREAM, keep=3)
    await outbox.healed(before + count - 3)
    await outbox.emptied()
    await outbox.check({str(row["event_id"]) for row in await outbox.committed() if row["losses"]})
    assert (await outbox.bus.extent()).last == extent.last + count - 3


async def test_an_older_copy_of_the_streams_folder_is_brought_up_to_date_in_the_old_order(
    ann: Person, bus_server: Process, folder: Path, outbox: Outbox
) -> None:
    await write(ann)
    await outbox.emptied()
    late = {str(row["event_id"]) for row in await outbox.committed() if row["losses"]}
    data, backup = folder / "nats", folder / "nats.backup"
    await bus_server.stop()
    await asyncio.to_thread(shutil.copytree, data, backup)
    await bus_server.start()
    async with writing(ann):
        await outbox.bus.ready()
        await asyncio.sleep(0.5)
    await outbox.emptied()
    await bus_server.kill()
    await asyncio.to_thread(shutil.rmtree, data)
    await asyncio.to_thread(backup.rename, data)
    await write(ann)
    await bus_server.start()
    await outbox.check(late)


async def test_a_stream_that_was_removed_is_made_anew_and_holds_everything(ann: Person, outbox: Outbox) -> None:
    await write(ann)
    await outbox.emptied()
    committed = len(await outbox.committed())
    before = await outbox.pool.fetchval("SELECT sum(losses) FROM events")
    await outbox.bus.remove()
    await outbox.healed(before + committed)
    await outbox.check()
