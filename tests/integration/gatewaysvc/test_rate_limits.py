import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from chassis import redis_link
from gatewaysvc import rate_limits
from gatewaysvc.buckets import Limit
from gatewaysvc.rate_limits import PASSWORD, RateLimits
from gatewaysvc.shared_buckets import TAKE, SharedBuckets, Taken
from tests.integration.gatewaysvc.peers import GOOD, ID

FEW = Limit(burst=3, per_second=0.01)
MANY = Limit(burst=1000, per_second=1000)


@pytest.fixture
async def shared(redis_url):
    """Buckets in Redis, as two replicas have them."""
    async with (
        redis_link.connect(redis_url, [TAKE]) as first,
        redis_link.connect(redis_url, [TAKE]) as second,
    ):
        async with asyncio.timeout(5):
            while first.wire is None or second.wire is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        yield SharedBuckets(first), SharedBuckets(second)


async def test_who_comes_too_often_is_told_to_wait(serving):
    async with (
        serving(rate_limits=RateLimits()) as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http,
    ):
        let_through = 0
        while True:
            async with http.post("/v1/sessions", json={"username": "a", "password": "b"}) as response:
                body = await response.json()
            assert response.headers["RateLimit-Limit"] == str(PASSWORD.burst)
            if response.status != 200:
                break
            let_through += 1
        assert let_through >= PASSWORD.burst
        assert (response.status, response.headers["RateLimit-Remaining"]) == (429, "0")
        assert response.headers["Retry-After"] == "1"
        assert body["details"][0]["reason"] == "RATE_LIMITED"
        assert "RetryInfo" in body["details"][1]["@type"]
        async with http.get("/v1/tasks", headers={"Authorization": "Bearer good"}) as other:
            assert other.status == 200


async def test_replicas_take_from_the_same_bucket(shared):
    taken = [Taken(FEW, "a"), Taken(MANY, "s")]
    seen = [(await shared[number % 2].take(taken))[0] for number in range(4)]
    assert [quota.remaining for quota in seen] == [2, 1, 0, 0]
    assert [bool(quota.wait) for quota in seen] == [False, False, False, True]
    assert seen[3].wait == pytest.approx(100, abs=2)
    assert seen[2].reset == pytest.approx(300, abs=2)


async def test_a_refused_call_takes_from_no_bucket(shared):
    for _ in range(5):
        await shared[0].take([Taken(FEW, "b"), Taken(MANY, "t")])
    [other] = await shared[0].take([Taken(MANY, "t")])
    assert other.remaining >= MANY.burst - 4


async def test_a_bucket_is_forgotten_once_it_is_empty(shared):
    await shared[0].take([Taken(FEW, "gone")])
    left = await shared[0]._redis.wire.call("PTTL", "tb:limit:gone")
    assert 0 < left <= 100_000  # milliseconds until one call of it is there again


async def test_gateways_count_a_caller_together(serving, shared, monkeypatch):
    monkeypatch.setattr(rate_limits, "CALLER", FEW)
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(serving(rate_limits=RateLimits((), each))) for each in shared]
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=GOOD))
        left = []
        for number in range(4):
            async with http.get(f"http://127.0.0.1:{gateways[number % 2].port}/v1/tasks/{ID}") as response:
                left.append((response.status, response.headers["RateLimit-Remaining"]))
    assert left == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]


async def test_without_redis_a_gateway_counts_for_itself(serving):
    async with redis_link.connect("redis://127.0.0.1:1", [TAKE]) as nowhere:
        limits = RateLimits((), SharedBuckets(nowhere))
        async with serving(rate_limits=limits) as gateway, aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{gateway.port}/v1/sessions"
            async with http.post(url, json={"username": "a", "password": "b"}) as response:
                assert response.headers["RateLimit-Remaining"] == str(PASSWORD.burst - 1)
