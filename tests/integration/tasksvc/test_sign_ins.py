"""Who is told of a sign-in: the user, when the client is another one than before."""

import json
from typing import Any
from uuid import UUID

import grpc.aio
import pytest
from taskbell.accounts.v1 import accounts_pb2 as pb
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub

from chassis.client import Client, introduction
from devstack.process import Process
from tests.integration.tasksvc.conftest import PASSWORD, SERVICE_KEY, Newcomer, Person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
NEXT_FIREFOX = FIREFOX.replace("145", "146")
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"
)


async def sign_in(replica: Process, person: Person, *metadata: tuple[str, str | bytes]) -> None:
    async with grpc.aio.insecure_channel(replica.address) as channel:
        stub: Any = AccountServiceStub(channel)
        await stub.LogIn(pb.LogInRequest(username=person.username, password=PASSWORD), metadata=metadata)


def browser(user_agent: str, address: str, key: str = SERVICE_KEY) -> tuple[str, str | bytes]:
    return introduction(Client(user_agent, address), key)


async def told(sql: Any, person: Person) -> list[dict[str, str]]:
    rows = await sql.fetch(
        "SELECT body->'client' AS client FROM events WHERE type = 'account.signed_in' AND subject_id = $1 ORDER BY id",
        UUID(person.id),
    )
    return [json.loads(row["client"]) for row in rows]


async def test_another_client_is_told_of_once_and_the_first_one_is_no_news(
    replica: Process, newcomer: Newcomer, sql: Any
) -> None:
    ann = await newcomer()  # has signed in from here
    await sign_in(replica, ann)
    assert await told(sql, ann) == []
    for user_agent, address in (
        (FIREFOX, "192.0.2.7"),
        (NEXT_FIREFOX, "198.51.100.1"),  # updated, and in another network
        (CHROME, "192.0.2.7"),
        (FIREFOX, "2001:db8::1"),
        (FIREFOX, "::ffff:192.0.2.7"),
    ):
        await sign_in(replica, ann, browser(user_agent, address))
    assert await told(sql, ann) == [
        {"user_agent": FIREFOX, "address": "192.0.2.7"},
        {"user_agent": CHROME, "address": "192.0.2.7"},
        {"user_agent": FIREFOX, "address": "2001:db8::1"},
    ]


async def test_who_is_no_service_speaks_for_nobody_else(replica: Process, newcomer: Newcomer, sql: Any) -> None:
    ann = await newcomer()
    await sign_in(replica, ann, browser(FIREFOX, "192.0.2.7", key="a key that nobody knows"))
    await sign_in(replica, ann, (browser(FIREFOX, "192.0.2.7")[0], b"short"))
    assert await told(sql, ann) == []


async def test_a_wrong_password_makes_no_client_known(replica: Process, newcomer: Newcomer, sql: Any) -> None:
    ann = await newcomer()
    async with grpc.aio.insecure_channel(replica.address) as channel:
        stub: Any = AccountServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.LogIn(
                pb.LogInRequest(username=ann.username, password="wrong"), metadata=[browser(FIREFOX, "192.0.2.7")]
            )
    await sign_in(replica, ann, browser(FIREFOX, "192.0.2.7"))
    assert len(await told(sql, ann)) == 1


async def test_what_a_client_calls_itself_is_shortened_and_made_readable(
    replica: Process, newcomer: Newcomer, sql: Any
) -> None:
    ann = await newcomer()
    await sign_in(replica, ann, browser("Evil\r\nBcc: all@example.com" + "x" * 2000, "192.0.2.7"))
    (client,) = await told(sql, ann)
    assert client["user_agent"].startswith("EvilBcc: all@example.com")
    assert len(client["user_agent"]) == 256
