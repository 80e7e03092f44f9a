"""What every other test stands on."""

import aiosmtplib
import asyncpg
import nats
import redis.asyncio

from devstack.stack import Stack
from tests.conftest import FreshDatabase
from tests.mailbox import Mailbox


async def test_a_fresh_database_is_migrated_and_apart_from_the_others(
    database: str, fresh_database: FreshDatabase
) -> None:
    one, other = await asyncpg.connect(database), await asyncpg.connect(await fresh_database())
    try:
        await one.execute("CREATE TABLE public.mine ()")
        assert await one.fetchval("SELECT count(*) FROM tasksvc.tasks") == 0
        assert await other.fetchval("SELECT to_regclass('public.mine')") is None
    finally:
        await one.close()
        await other.close()


async def test_a_module_has_a_key_space_and_a_bus_of_its_own(redis_url: str, nats_url: str, servers: Stack) -> None:
    async with redis.asyncio.from_url(redis_url) as mine, redis.asyncio.from_url(servers.redis_url) as shared:
        await mine.set("mine", "1")
        assert await shared.get("mine") is None
    mine_bus, shared_bus = await nats.connect(nats_url), await nats.connect(servers.nats_url)
    try:
        await mine_bus.jetstream().add_stream(name="MINE", subjects=["mine"])
        assert await shared_bus.jetstream().streams_info() == []
    finally:
        await mine_bus.close()
        await shared_bus.close()


async def test_a_mail_that_was_accepted_is_in_the_mailbox(servers: Stack, mailbox: Mailbox) -> None:
    await aiosmtplib.send(
        "From: Ann <ann@example.com>\r\nTo: fixture@example.com\r\nSubject: hello\r\n\r\nbody\r\n",
        sender="ann@example.com",
        recipients=["fixture@example.com"],
        hostname="127.0.0.1",
        port=servers.ports.smtp,
    )
    (mail,) = await mailbox.find("to:fixture@example.com")
    assert (mail["Subject"], mail["Text"].strip()) == ("hello", "body")
