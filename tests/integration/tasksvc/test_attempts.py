"""Who guesses passwords, from one address or from many, and whom that must not keep out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from taskbell.accounts.v1 import accounts_pb2 as pb
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub

from chassis import redis_link
from chassis.client import Client, introduction
from chassis.errors import LoginFailed, RateLimited, Unavailable
from chassis.shared_buckets import SCRIPTS
from devstack.process import Process
from tasksvc.attempts import ANYWHERE, AT_AN_ADDRESS, MAILS, Attempts
from tests.integration.tasksvc.conftest import PASSWORD, SERVICE_KEY, Api, Dial, Newcomer, StartReplica

HOME = "192.0.2.7"


@asynccontextmanager
async def attempts_of(redis_url: str) -> AsyncIterator[Attempts]:
    """A replica's."""
    async with redis_link.connect(redis_url, SCRIPTS) as redis:
        async with asyncio.timeout(60):
            while redis.wire is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        yield Attempts(redis)


@pytest.fixture
async def attempts(redis_url: str) -> AsyncIterator[Attempts]:
    async with attempts_of(redis_url) as here:
        yield here


async def wrong(attempts: Attempts, name: str, address: str = HOME) -> None:
    with pytest.raises(LoginFailed):
        async with attempts.log_in(name, address):
            raise LoginFailed("The username or the password is wrong.")


async def right(attempts: Attempts, name: str, address: str = HOME) -> None:
    async with attempts.log_in(name, address):
        pass


async def refused(attempts: Attempts, name: str, address: str = HOME) -> RateLimited:
    with pytest.raises(RateLimited) as error:
        await right(attempts, name, address)
    return error.value


async def test_wrong_passwords_from_an_address_are_counted_by_all_replicas(attempts: Attempts, redis_url: str) -> None:
    async with attempts_of(redis_url) as elsewhere:
        for number in range(AT_AN_ADDRESS.burst):
            await wrong([attempts, elsewhere][number % 2], "ann")
        error = await refused(elsewhere, "ANN")
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 30
    await right(attempts, "ann", "192.0.2.8")
    await right(attempts, "ben")


async def test_right_passwords_and_our_own_failures_are_not_counted(attempts: Attempts) -> None:
    for _ in range(3 * AT_AN_ADDRESS.burst):
        await right(attempts, "carl")
        with pytest.raises(Unavailable):
            async with attempts.log_in("carl", HOME):
                raise Unavailable("The database is away.")
    await right(attempts, "carl")


async def test_guesses_that_come_all_at_once_are_counted_before_any_has_failed(attempts: Attempts) -> None:
    guessed = 0

    async def guess() -> None:
        nonlocal guessed
        async with attempts.log_in("dora", HOME):
            guessed += 1
            await asyncio.sleep(0)
            raise LoginFailed("The username or the password is wrong.")

    outcomes = await asyncio.gather(*(guess() for _ in range(5 * AT_AN_ADDRESS.burst)), return_exceptions=True)
    assert {type(each) for each in outcomes} == {LoginFailed, RateLimited}
    assert guessed == AT_AN_ADDRESS.burst


async def test_many_addresses_do_not_help_a_guesser_and_do_not_keep_the_owner_out(attempts: Attempts) -> None:
    await right(attempts, "emma")  # at home, a while ago
    for number in range(ANYWHERE.burst):
        await wrong(attempts, "emma", f"198.51.100.{number}")
    error = await refused(attempts, "emma", "203.0.113.1")
    assert error.retry_after is not None
    assert error.retry_after <= 15
    await right(attempts, "emma")


async def test_the_addresses_of_one_ipv6_network_are_one(attempts: Attempts) -> None:
    for number in range(AT_AN_ADDRESS.burst):
        await wrong(attempts, "fred", f"2001:db8::{number:x}")
    await refused(attempts, "fred", "2001:db8::ffff:1")
    await right(attempts, "fred", "2001:db8:0:1::1")


async def test_without_redis_a_replica_counts_for_itself() -> None:
    async with redis_link.connect("redis://127.0.0.1:1", SCRIPTS) as nowhere:
        attempts = Attempts(nowhere)
        for _ in range(AT_AN_ADDRESS.burst):
            await right(attempts, "greta")
            await wrong(attempts, "greta")
        await refused(attempts, "greta")


async def test_a_guesser_is_told_over_grpc_how_long_to_wait_and_others_are_not_hindered(
    replica: Process, newcomer: Newcomer, dial: Dial
) -> None:
    ann = await newcomer()
    guess = pb.LogInRequest(username=ann.username, password="wrong")
    metadata = [introduction(Client("guesser", "203.0.113.9"), SERVICE_KEY)]
    async with grpc.aio.insecure_channel(replica.address) as channel:
        stub = AccountServiceStub(channel)
        outcomes = await asyncio.gather(
            *(stub.LogIn(guess, metadata=metadata) for _ in range(AT_AN_ADDRESS.burst + 1)), return_exceptions=True
        )
    codes = [each.code() for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert codes.count(grpc.StatusCode.UNAUTHENTICATED) == AT_AN_ADDRESS.burst
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 1
    await dial(replica).accounts.LogIn(pb.LogInRequest(username=ann.username, password=PASSWORD))


async def test_the_clients_of_a_proxy_that_speaks_grpc_are_told_apart(
    start_replica: StartReplica, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    behind = await start_replica(trusted_proxies="127.0.0.0/8")
    guess = pb.LogInRequest(username=ann.username, password="wrong")
    async with grpc.aio.insecure_channel(behind.address) as channel:
        stub = AccountServiceStub(channel)

        async def code(client: str) -> grpc.StatusCode:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await stub.LogIn(guess, metadata=[("x-forwarded-for", client)])
            return error.value.code()

        await asyncio.gather(*(code("203.0.113.10") for _ in range(AT_AN_ADDRESS.burst)))
        assert await code("203.0.113.10") is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await code("203.0.113.11") is grpc.StatusCode.UNAUTHENTICATED


async def test_it_can_be_switched_off(start_replica: StartReplica, dial: Dial, newcomer: Newcomer) -> None:
    ann = await newcomer()
    api = dial(await start_replica(rate_limits="off"))
    guess = pb.LogInRequest(username=ann.username, password="wrong")
    outcomes = await asyncio.gather(
        *(api.accounts.LogIn(guess) for _ in range(AT_AN_ADDRESS.burst + 1)), return_exceptions=True
    )
    assert {type(each) for each in outcomes} == {LoginFailed}


async def test_links_to_a_new_password_are_not_mailed_over_and_over(anonymous: Api) -> None:
    """Whether or not anybody has the address."""
    asking = pb.RequestPasswordResetRequest(email="Nobody@example.com")
    outcomes = await asyncio.gather(
        *(anonymous.accounts.RequestPasswordReset(asking) for _ in range(MAILS.burst + 1)), return_exceptions=True
    )
    refusals = [each for each in outcomes if isinstance(each, RateLimited)]
    assert len(refusals) == 1
    assert refusals[0].retry_after is not None
    assert 0 < refusals[0].retry_after <= 600
