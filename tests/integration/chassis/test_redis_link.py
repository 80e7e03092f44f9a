"""The way to Redis when something happens that nobody has thought of."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio.connection import Connection
from structlog.testing import capture_logs

from chassis import redis_link
from chassis.redis_link import Redis


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with redis_link.connect(redis_url) as link:
        yield link


async def connected(link: Redis) -> Any:
    async with asyncio.timeout(20):
        while link.wire is None or link.wire.lost.is_set():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    return link.wire


async def test_an_error_on_the_way_is_told_and_the_way_is_tried_again(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = Connection.connect

    async def once(self: Any) -> None:
        monkeypatch.setattr(Connection, "connect", connect)
        raise RuntimeError("a fault of the library")

    monkeypatch.setattr(Connection, "connect", once)
    with capture_logs() as told:
        async with redis_link.connect(redis_url) as link:
            assert await (await connected(link)).call("PING") == b"PONG"
    assert [(each["event"], each["log_level"]) for each in told if "unforeseen" in each["event"]] == [
        ("the way to redis is barred by something unforeseen", "error")
    ]


async def test_an_error_while_answers_are_read_is_told_and_another_connection_takes_its_place(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire, read = await connected(redis), Connection.read_response

    async def once(self: Any, *args: Any, **options: Any) -> Any:
        monkeypatch.setattr(Connection, "read_response", read)
        raise RuntimeError("a fault of the library")

    monkeypatch.setattr(Connection, "read_response", once)
    with capture_logs() as told:
        await wire.call("PING")
        await wire.call("PING")
        again = await connected(redis)
    assert again is not wire
    assert [each["why"] for each in told] == ["RuntimeError('a fault of the library')"]


@pytest.mark.parametrize("turns", range(5))
async def test_a_way_that_is_lost_while_it_is_closed_ends(redis_url: str, turns: int) -> None:
    async with asyncio.timeout(60):
        async with redis_link.connect(redis_url) as link:
            wire = await connected(link)
            wire.lost.set()
            for _ in range(turns):  # of the loop, between the loss and the end
                await asyncio.sleep(0)
