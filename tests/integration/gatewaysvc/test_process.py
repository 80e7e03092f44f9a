import asyncio
import json
import os
import signal
import sys

import aiohttp
import pytest
import redis.asyncio

SETTINGS = {
    "TASKBELL_SERVICE_KEY": "0123456789abcdef",
    "TASKBELL_HTTP_PORT": "0",
    "TASKBELL_METRICS_PORT": "0",
    "TASKBELL_TASKS_ADDRESS": "127.0.0.1:1",
}


@pytest.fixture
async def start():
    """Starts `python -m gatewaysvc`: `process = await start(TASKBELL_HTTP_PORT="1")`."""
    processes = []

    async def run(**settings):
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("TASKBELL_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gatewaysvc"),
            env={**surroundings, **SETTINGS, **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_tells_where_it_listens_and_stops_cleanly(start):
    process = await start()
    told = json.loads(await process.stdout.readline())
    assert told["event"] == "listening"
    async with aiohttp.ClientSession() as http:
        async with http.get(f"http://{told['http']}/healthz") as response:
            assert response.status == 200
        async with http.get(f"http://{told['metrics']}/metrics") as response:
            assert (
                'taskbell_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in await response.text()
            )
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_bad_settings_end_it_with_78_and_are_all_named(start):
    process = await start(TASKBELL_HTTP_PORT="x", TASKBELL_RATE_LIMITS="maybe")
    _, error = await process.communicate()
    assert process.returncode == os.EX_CONFIG
    assert b"TASKBELL_HTTP_PORT" in error
    assert b"TASKBELL_RATE_LIMITS" in error


async def test_a_taken_port_is_told_without_a_traceback(start, gateway):
    process = await start(TASKBELL_HTTP_PORT=str(gateway.port))
    told = json.loads(await process.stdout.readline())
    assert await process.wait() == 1
    assert str(gateway.port) in told["reason"]


async def test_it_takes_as_many_connections_of_an_address_as_it_is_told(start):
    process = await start(TASKBELL_MAX_CONNECTIONS_PER_ADDRESS="1")
    told = json.loads(await process.stdout.readline())
    async with aiohttp.ClientSession() as http, http.get(f"http://{told['http']}/healthz") as first:
        assert first.status == 200  # and its connection stays open
        async with aiohttp.ClientSession() as other, other.get(f"http://{told['http']}/healthz") as second:
            assert second.status == 429


async def test_calls_are_counted_in_the_redis_of_the_settings(start, redis_url):
    process = await start(TASKBELL_REDIS_URL=redis_url)
    told = json.loads(await process.stdout.readline())
    async with redis.asyncio.from_url(redis_url) as store, aiohttp.ClientSession() as http, asyncio.timeout(30):
        # Whether the gateway has reached Redis by now, only an answer tells.
        while not await store.exists("tb:limit:p127.0.0.1"):
            async with http.post(f"http://{told['http']}/v1/sessions", json={}) as response:
                assert response.headers["RateLimit-Limit"] == "240"
