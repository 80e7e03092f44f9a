"""Whose a token is, as the gateway finds out by itself."""

import asyncio
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.api_tokens import new_api_token
from gatewaysvc import callers as callers_module
from tasksvc.access_tokens import AccessTokens, SigningKey

ANN, BOB, SESSION = UUID(int=1), UUID(int=2), UUID(int=3)


def new_key() -> SigningKey:
    key = Ed25519PrivateKey.generate()
    return SigningKey.from_pem(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def bearer(key: SigningKey, user_id: UUID = ANN, lifetime: float = 900) -> str:
    return "Bearer " + AccessTokens([key], lifetime).sign(user_id, SESSION)


@pytest.fixture
async def learning(callers, monkeypatch):
    """Who learns keys as soon as they are wanted."""
    monkeypatch.setattr(callers_module, "_PAUSE", 0.01)
    stopping = asyncio.Event()
    running = asyncio.create_task(callers.run(stopping))
    yield callers
    stopping.set()
    await running


async def learnt(callers, authorization):
    async with asyncio.timeout(20):
        while not callers.user_of(authorization):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def test_an_access_token_is_its_users_and_what_somebody_else_signed_is_nobodys(learning, tasksvc):
    tasksvc[2].keys = [key := new_key()]
    await learnt(learning, bearer(key))
    assert learning.user_of(bearer(key, BOB)) == str(BOB)
    assert learning.user_of(bearer(key).replace("Bearer", "bearer")) == str(ANN)
    for nobodys in (
        bearer(new_key(), BOB),
        bearer(key, BOB, lifetime=-1),
        bearer(key)[:-4] + "AAAA",
        *("", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic YTpi", "Bearer tb_", "Bearer tb_AAAA"),
    ):
        assert learning.user_of(nobodys) == ""


async def test_a_new_key_is_learnt_when_a_token_is_signed_with_it(learning, tasksvc):
    tasksvc[2].keys = [old := new_key()]
    await learnt(learning, bearer(old))
    tasksvc[2].keys = [new := new_key(), old]
    await learnt(learning, bearer(new))
    assert learning.user_of(bearer(old)) == str(ANN)


async def test_an_api_token_is_its_users_once_a_service_let_it_in_and_not_for_long(callers, monkeypatch):
    token = f"Bearer {new_api_token(ANN, SESSION)}"
    assert callers.user_of(token) == ""
    callers.let_in(token)
    assert callers.user_of(token) == str(ANN)
    assert callers.user_of(f"Bearer {new_api_token(ANN, SESSION)}") == ""  # another secret
    callers.turned_away(token)
    assert callers.user_of(token) == ""
    monkeypatch.setattr(callers_module, "_BELIEVED", 0)
    callers.let_in(token)
    assert callers.user_of(token) == ""


async def test_the_token_of_a_session_that_has_ended_is_nobodys(learning, tasksvc):
    tasksvc[2].keys = [key := new_key()]
    ended, goes_on = bearer(key), bearer(key)
    await learnt(learning, ended)
    learning.turned_away(ended)
    assert (learning.user_of(ended), learning.user_of(goes_on)) == ("", str(ANN))


async def test_made_up_tokens_do_not_fill_the_memory(callers):
    for _ in range(12_000):
        callers.let_in(f"Bearer {new_api_token(ANN, SESSION)}")
    assert len(callers._told) <= 10_000
