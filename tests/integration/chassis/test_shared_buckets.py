import asyncio

import pytest

from chassis import redis_link
from chassis.buckets import Limit
from chassis.shared_buckets import SCRIPTS, SharedBuckets, Taken

FEW = Limit(burst=3, per_second=0.01)
MANY = Limit(burst=1000, per_second=1000)


@pytest.fixture
async def shared(redis_url):
    """Buckets in Redis, as two replicas have them."""
    async with (
        redis_link.connect(redis_url, SCRIPTS) as first,
        redis_link.connect(redis_url, SCRIPTS) as second,
    ):
        async with asyncio.timeout(5):
            while first.wire is None or second.wire is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        yield SharedBuckets(first), SharedBuckets(second)


async def test_replicas_take_from_the_same_bucket(shared):
    taken = [Taken(FEW, "a"), Taken(MANY, "s")]
    seen = [(await shared[number % 2].take(taken))[0] for number in range(4)]
    assert [quota.remaining for quota in seen] == [2, 1, 0, 0]
    assert [bool(quota.wait) for quota in seen] == [False, False, False, True]
    assert seen[3].wait == pytest.approx(100, abs=2)
    assert seen[2].reset == pytest.approx(300, abs=2)


async def test_a_bucket_is_forgotten_once_it_is_empty(shared):
    await shared[0].take([Taken(FEW, "gone")])
    left = await shared[0]._redis.wire.call("PTTL", "tb:limit:gone")
    assert 0 < left <= 100_000  # milliseconds until one call of it is there again


@pytest.mark.parametrize("where", ["in Redis", "here"])
async def test_a_refused_call_takes_from_no_bucket(shared, where):
    buckets = shared[0] if where == "in Redis" else SharedBuckets()
    for _ in range(5):
        await buckets.take([Taken(MANY, "t"), Taken(FEW, "b")])
    [other] = await buckets.take([Taken(MANY, "t")])
    assert other.remaining >= MANY.burst - 4


@pytest.mark.parametrize("where", ["in Redis", "here"])
async def test_what_is_given_back_can_be_taken_again(shared, where):
    first, second = shared if where == "in Redis" else [SharedBuckets()] * 2
    taken = [Taken(FEW, "back")]
    assert [(await first.take(taken))[0].remaining for _ in range(3)] == [2, 1, 0]
    await second.give_back(taken)
    assert (await first.take(taken))[0].wait == 0
    for _ in range(5):
        await first.give_back(taken)
    assert (await second.take(taken))[0].remaining == 2  # and no more than there was
