"""The bus' connection when there is none to be had."""

import asyncio

import pytest

from chassis import jetstream


async def test_an_address_that_is_none_ends_who_waits_for_the_bus() -> None:
    with pytest.raises(ExceptionGroup, match="unhandled") as raised:
        async with asyncio.timeout(5), jetstream.connect("nats://127.0.0.1:port") as bus:
            await bus.ready()
    assert "nats: invalid connect url" in str(raised.value.exceptions[0])


async def test_it_can_be_left_before_it_was_reached() -> None:
    async with jetstream.connect("nats://127.0.0.1:1"):
        pass
    async with jetstream.connect("nats://127.0.0.1:1"):
        await asyncio.sleep(0)
