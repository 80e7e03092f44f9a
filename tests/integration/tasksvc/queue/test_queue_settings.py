"""Queues as operators see them: what they are set to, what is in them."""

from typing import Any

import pytest
from taskbell.queues.v1 import queues_pb2 as pb

from chassis.errors import EtagMismatch, InvalidField, InvalidUpdateMask, QueueNotFound, ServiceError
from tests.integration.tasksvc.conftest import Newcomer
from tests.integration.tasksvc.queue.conftest import Bench, seconds


async def test_a_queue_that_never_was_is_not_found(bench: Bench) -> None:
    for refused in (bench.show(), bench.resume(), bench.set(etag="abc", max_concurrency=1)):
        with pytest.raises(QueueNotFound):
            await refused


async def test_a_queue_is_there_from_its_first_task_with_the_settings_that_are_used(bench: Bench) -> None:
    await bench.add()
    queue = await bench.show()
    assert (queue.name, queue.depth.waiting, queue.default_max_attempts) == (bench.queue, 1, 5)
    assert (queue.default_lease_duration, queue.backoff) == (
        seconds(30),
        pb.Backoff(initial=seconds(5), max=seconds(3600)),
    )
    assert not queue.HasField("rate_limit")
    assert not queue.HasField("retention")


async def test_what_is_set_changes_and_the_rest_stays(bench: Bench) -> None:
    await bench.set(max_concurrency=3, retention=seconds(600), rate_limit=pb.RateLimit(tasks=5, period=seconds(60)))
    await bench.set(backoff=pb.Backoff(initial=seconds(1), max=seconds(2)))
    queue = await bench.set(default_max_attempts=7)
    assert (queue.max_concurrency, queue.default_max_attempts, queue.retention) == (3, 7, seconds(600))
    assert queue.rate_limit == pb.RateLimit(tasks=5, period=seconds(60))
    assert queue.backoff == pb.Backoff(initial=seconds(1), max=seconds(2))
    assert await bench.show() == queue


async def test_a_mask_names_parts_and_clears_what_is_not_given(bench: Bench) -> None:
    await bench.set(max_concurrency=3, retention=seconds(600), rate_limit=pb.RateLimit(tasks=5, period=seconds(60)))
    queue = await bench.set(["rateLimit.period", "retention"], rate_limit=pb.RateLimit(tasks=9, period=seconds(30)))
    assert (queue.max_concurrency, queue.rate_limit) == (3, pb.RateLimit(tasks=5, period=seconds(30)))
    assert not queue.HasField("retention")
    queue = await bench.set(["*"], default_max_attempts=2)
    assert (queue.max_concurrency, queue.default_max_attempts) == (0, 2)
    assert not queue.HasField("rate_limit")


async def test_what_was_read_can_be_sent_back(bench: Bench) -> None:
    before = await bench.set(max_concurrency=3)
    after = await bench.person.api.queues.UpdateQueue(pb.UpdateQueueRequest(queue=before))
    assert after == before


async def test_an_etag_guards_the_settings_whatever_is_in_the_queue(bench: Bench) -> None:
    read = await bench.set(max_concurrency=1)
    await bench.pause()
    await bench.add()
    changed = await bench.set(etag=read.etag, max_concurrency=2)
    with pytest.raises(EtagMismatch):
        await bench.set(etag=read.etag, max_concurrency=3)
    assert (await bench.show()).max_concurrency == changed.max_concurrency == 2


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"max_concurrency": -1}, "queue.max_concurrency"),
        ({"max_concurrency_per_key": 1_000_001}, "queue.max_concurrency_per_key"),
        ({"rate_limit": pb.RateLimit(period=seconds(1))}, "queue.rate_limit.tasks"),
        ({"rate_limit": pb.RateLimit(tasks=1, period=seconds(86_401))}, "queue.rate_limit.period"),
        ({"default_max_attempts": 101}, "queue.default_max_attempts"),
        ({"backoff": pb.Backoff(initial=seconds(-1))}, "queue.backoff.initial"),
        ({"backoff": pb.Backoff(initial=seconds(7200))}, "queue.backoff.initial"),
        ({"default_lease_duration": seconds(0)}, "queue.default_lease_duration"),
        ({"default_lease_duration": seconds(86_400)}, "queue.default_lease_duration"),
        ({"retention": seconds(59)}, "queue.retention"),
        ({"project_id": "home"}, "queue.project_id"),
        ({"name": "Büro"}, "queue.name"),
    ],
)
async def test_a_setting_that_can_not_be_is_named(bench: Bench, settings: dict[str, Any], named: str) -> None:
    queue = pb.Queue(**{"name": bench.queue, **settings})
    with pytest.raises(InvalidField) as refused:
        await bench.person.api.queues.UpdateQueue(pb.UpdateQueueRequest(queue=queue))
    assert [each.field for each in refused.value.violations] == [named]


@pytest.mark.parametrize("path", ["colour", "rate_limit.colour", "backoff.initial.seconds"])
async def test_a_mask_that_names_no_setting_is_refused(bench: Bench, path: str) -> None:
    with pytest.raises(InvalidUpdateMask):
        await bench.set([path])


async def test_a_paused_queue_leases_nothing_until_it_is_resumed(bench: Bench) -> None:
    paused = await bench.pause()
    await bench.add()
    assert paused.pause_time == (await bench.pause()).pause_time
    assert await bench.lease(wait=0.1) == []
    assert not (await bench.resume()).HasField("pause_time")
    assert len(await bench.lease(wait=30)) == 1


async def test_queues_are_listed_by_name_page_by_page(newcomer: Newcomer) -> None:
    person = await newcomer()
    for name in ("c", "a", "b"):
        await Bench(person, name).add()
    api = person.api.queues
    first = await api.ListQueues(pb.ListQueuesRequest(page_size=2))
    rest = await api.ListQueues(pb.ListQueuesRequest(page_size=2, page_token=first.next_page_token))
    assert [queue.name for queue in (*first.queues, *rest.queues)] == ["a", "b", "c"]
    assert {queue.depth.waiting for queue in (*first.queues, *rest.queues)} == {1}
    assert rest.next_page_token == ""
    with pytest.raises(ServiceError, match="page_token"):
        await api.ListQueues(pb.ListQueuesRequest(page_token="x"))


async def test_a_queue_knows_who_works_on_it(bench: Bench) -> None:
    await bench.set()
    await bench.lease(worker="idle")
    await bench.add_many(2)
    await bench.lease(2, worker="busy")
    queue = await bench.until(lambda queue: len(queue.workers) == 2 and all(w.seen_time.seconds for w in queue.workers))
    assert [(worker.name, worker.leases) for worker in queue.workers] == [("busy", 2), ("idle", 0)]
