"""The gateway's limits, before a real tasksvc: a user's tokens share one, and nobody else's calls count for a user."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from taskbell.accounts.v1 import accounts_pb2 as pb

from chassis.buckets import Limit
from chassis.grpc_client import channel
from devstack.process import Process
from gatewaysvc import rate_limits
from gatewaysvc.app import App
from gatewaysvc.callers import Callers
from gatewaysvc.http_server import HttpServer
from gatewaysvc.rate_limits import RateLimits
from tests.integration.tasksvc.conftest import PASSWORD, Api, Newcomer, Person

FEW = Limit(burst=3, per_second=0.001)


class Web:
    """A client of the gateway."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def get(self, token: str) -> tuple[int, int]:
        """The status, and how many more calls the caller has."""
        async with self._http.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"}) as response:
            return response.status, int(response.headers["RateLimit-Remaining"])


@pytest.fixture
async def web(replica: Process, ann: Person, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Web]:
    monkeypatch.setattr(rate_limits, "CALLER", FEW)
    async with channel(replica.address) as wire:
        callers = Callers(wire)
        stopping = asyncio.Event()
        learning = asyncio.create_task(callers.run(stopping))
        async with asyncio.timeout(20):
            while not callers.user_of(f"Bearer {ann.session.access_token}"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        app = App({"tasksvc": wire, "notifysvc": wire}, rate_limits=RateLimits(callers))
        server = HttpServer(app, host="127.0.0.1", port=0)
        await server.start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as http:
            yield Web(http)
        await server.drain(0)
        stopping.set()
        await learning


async def another_session(anonymous: Api, person: Person) -> str:
    session = await anonymous.accounts.LogIn(pb.LogInRequest(username=person.username, password=PASSWORD))
    return session.access_token


async def api_token(person: Person) -> str:
    asked = pb.Token(name="ci", scopes=["tasks:read"])
    return (await person.api.accounts.CreateToken(pb.CreateTokenRequest(token=asked))).secret


async def test_many_tokens_do_not_multiply_a_users_limit(web: Web, anonymous: Api, newcomer: Newcomer) -> None:
    ann, bob = await newcomer(), await newcomer()
    first, second = ann.session.access_token, await another_session(anonymous, ann)
    assert [await web.get(token) for token in (first, second, first)] == [(200, 2), (200, 1), (200, 0)]
    assert await web.get(second) == (429, 0)
    assert await web.get(bob.session.access_token) == (200, 2)


async def test_an_api_token_counts_for_its_user_once_it_was_good(web: Web, newcomer: Newcomer) -> None:
    ann = await newcomer()
    one, other = await api_token(ann), await api_token(ann)
    assert await web.get(one) == (200, 2)  # of those whom nobody knows, at this address
    assert await web.get(one) == (200, 2)  # of hers
    assert await web.get(ann.session.access_token) == (200, 1)
    assert await web.get(other) == (200, 1)  # of the address again
    assert await web.get(other) == (200, 0)


async def test_made_up_tokens_share_the_limit_of_their_address(web: Web, ann: Person) -> None:
    assert [await web.get(f"made-up-{number}") for number in range(4)] == [(401, 2), (401, 1), (401, 0), (429, 0)]
    assert (await web.get(ann.session.access_token))[0] == 200


async def test_who_holds_the_token_of_an_ended_session_takes_nothing_from_the_user(
    web: Web, anonymous: Api, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    await ann.api.accounts.LogOut(pb.LogOutRequest())
    assert await web.get(ann.session.access_token) == (401, 2)  # it still seemed to be hers
    assert await web.get(ann.session.access_token) == (401, 2)  # of the address
    assert await web.get(await another_session(anonymous, ann)) == (200, 1)
