import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from chassis import redis_link
from chassis.buckets import Limit
from chassis.shared_buckets import SCRIPTS, SharedBuckets
from gatewaysvc import rate_limits
from gatewaysvc.rate_limits import PASSWORD, RateLimits
from tests.integration.gatewaysvc.peers import GOOD, ID

FEW = Limit(burst=3, per_second=0.01)


@pytest.fixture
async def shared(redis_url):
    """Buckets in Redis, as two replicas have them."""
    async with (
        redis_link.connect(redis_url, SCRIPTS) as first,
        redis_link.connect(redis_url, SCRIPTS) as second,
    ):
        async with asyncio.timeout(30):
            while first.wire is None or second.wire is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        yield SharedBuckets(first), SharedBuckets(second)


async def test_who_comes_too_often_is_told_to_wait(serving, callers):
    async with (
        serving(rate_limits=RateLimits(callers)) as gateway,
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


async def test_the_headers_tell_of_the_limit_that_was_met_also_when_a_service_met_it(serving, callers):
    async with serving(rate_limits=RateLimits(callers)) as gateway, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{gateway.port}/v1/sessions"
        async with http.post(url, json={"username": "guessed", "password": "b"}) as response:
            headers = response.headers
    assert response.status == 429
    assert headers["Retry-After"] == headers["RateLimit-Reset"] == "8"
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("10", "0")


async def test_gateways_count_a_caller_together(serving, callers, shared, monkeypatch):
    monkeypatch.setattr(rate_limits, "CALLER", FEW)
    async with AsyncExitStack() as stack:
        gateways = [
            await stack.enter_async_context(serving(rate_limits=RateLimits(callers, buckets=each))) for each in shared
        ]
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=GOOD))
        left = []
        for number in range(4):
            async with http.get(f"http://127.0.0.1:{gateways[number % 2].port}/v1/tasks/{ID}") as response:
                left.append((response.status, response.headers["RateLimit-Remaining"]))
    assert left == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]


async def test_without_redis_a_gateway_counts_for_itself(serving, callers):
    async with redis_link.connect("redis://127.0.0.1:1", SCRIPTS) as nowhere:
        limits = RateLimits(callers, buckets=SharedBuckets(nowhere))
        async with serving(rate_limits=limits) as gateway, aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{gateway.port}/v1/sessions"
            async with http.post(url, json={"username": "a", "password": "b"}) as response:
                assert response.headers["RateLimit-Remaining"] == str(PASSWORD.burst - 1)
