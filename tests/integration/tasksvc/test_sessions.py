"""How a session goes on, and how it ends: everywhere, on the next call."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from taskbell.accounts.v1 import accounts_pb2 as pb

from chassis import postgres
from chassis.errors import RefreshTokenReused, SessionEnded, TokenExpired, TokenInvalid
from devstack.process import Process
from tasksvc.signing_keys import kept_signing_keys
from tests.conftest import FreshDatabase
from tests.integration.tasksvc.conftest import PASSWORD, Api, Dial, Newcomer, Person, StartReplica

ME = pb.GetUserRequest(user_id="me")


async def log_in(api: Api, person: Person) -> pb.Session:
    return await api.accounts.LogIn(pb.LogInRequest(username=person.username, password=PASSWORD))


def refreshing(session: pb.Session) -> pb.RefreshSessionRequest:
    return pb.RefreshSessionRequest(refresh_token=session.refresh_token)


async def ends(sql: Any, person: Person) -> list[str]:
    """The sessions whose end is told of in the outbox."""
    rows = await sql.fetch(
        "SELECT body->>'id' AS id FROM events WHERE type = 'session.ended' AND body->>'user_id' = $1 ORDER BY id",
        person.id,
    )
    return [row["id"] for row in rows]


async def test_a_refreshed_session_goes_on_with_a_new_pair(
    replica: Process, dial: Dial, anonymous: Api, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    session = ann.session
    for _ in range(3):
        renewed = await anonymous.accounts.RefreshSession(refreshing(session))
        assert renewed.refresh_token != session.refresh_token
        assert renewed.user == ann.user
        assert (await dial(replica, renewed.access_token).accounts.GetUser(ME)).id == ann.id
        session = renewed
    assert (await ann.api.accounts.GetUser(ME)).id == ann.id


async def test_a_used_refresh_token_ends_the_whole_session_everywhere(
    other_replica: Process,
    dial: Dial,
    anonymous: Api,
    newcomer: Newcomer,
    at: Callable[[Person, Process], Person],
    sql: Any,
) -> None:
    ann = await newcomer()
    elsewhere = at(ann, other_replica)
    renewed = await anonymous.accounts.RefreshSession(refreshing(ann.session))
    await elsewhere.api.accounts.GetUser(ME)
    with pytest.raises(RefreshTokenReused):
        await anonymous.accounts.RefreshSession(refreshing(ann.session))
    with pytest.raises(SessionEnded):
        await anonymous.accounts.RefreshSession(refreshing(renewed))
    for api in (ann.api, elsewhere.api, dial(other_replica, renewed.access_token)):
        with pytest.raises(SessionEnded):
            await api.accounts.GetUser(ME)
    with pytest.raises(RefreshTokenReused):
        await anonymous.accounts.RefreshSession(refreshing(ann.session))
    assert len(await ends(sql, ann)) == 1


async def test_of_two_who_refresh_with_one_token_at_once_one_is_a_thief(
    anonymous: Api, dial: Dial, other_replica: Process, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    outcomes = await asyncio.gather(
        *(api.accounts.RefreshSession(refreshing(ann.session)) for api in (anonymous, dial(other_replica)) * 2),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [*["RefreshTokenReused"] * 3, "Session"]
    with pytest.raises(SessionEnded):
        await ann.api.accounts.GetUser(ME)


async def test_after_logging_out_every_replica_refuses_the_next_call(
    other_replica: Process,
    anonymous: Api,
    newcomer: Newcomer,
    at: Callable[[Person, Process], Person],
    sql: Any,
) -> None:
    ann = await newcomer()
    elsewhere = at(ann, other_replica)
    await elsewhere.api.accounts.GetUser(ME)
    await ann.api.accounts.LogOut(pb.LogOutRequest())
    for api in (elsewhere.api, ann.api):
        with pytest.raises(SessionEnded):
            await api.accounts.GetUser(ME)
    with pytest.raises(SessionEnded):
        await ann.api.accounts.LogOut(pb.LogOutRequest())
    with pytest.raises(SessionEnded):
        await anonymous.accounts.RefreshSession(refreshing(ann.session))
    claims = jwt.decode(ann.session.access_token, options={"verify_signature": False})
    assert await ends(sql, ann) == [claims["sid"]]


async def test_logging_out_leaves_the_users_other_sessions_alone(
    replica: Process, dial: Dial, anonymous: Api, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    phone = await log_in(anonymous, ann)
    await ann.api.accounts.LogOut(pb.LogOutRequest())
    await dial(replica, phone.access_token).accounts.GetUser(ME)
    await anonymous.accounts.RefreshSession(refreshing(phone))


async def test_services_are_told_that_a_session_has_ended(another_service: Api, newcomer: Newcomer) -> None:
    ann = await newcomer()
    request = pb.IntrospectTokenRequest(token=ann.session.access_token)
    await another_service.accounts.IntrospectToken(request)
    await ann.api.accounts.LogOut(pb.LogOutRequest())
    with pytest.raises(SessionEnded):
        await another_service.accounts.IntrospectToken(request)


async def test_what_is_no_refresh_token_is_refused(anonymous: Api) -> None:
    with pytest.raises(TokenInvalid):
        await anonymous.accounts.RefreshSession(pb.RefreshSessionRequest(refresh_token="made up"))


async def test_an_access_token_ends_by_itself_and_can_be_refreshed(
    start_replica: StartReplica, dial: Dial, ann: Person, replica: Process
) -> None:
    hasty = await start_replica(access_token_lifetime="0s")
    session = await log_in(dial(hasty), ann)
    assert session.expires_in == 0
    with pytest.raises(TokenExpired):
        await dial(hasty, session.access_token).accounts.GetUser(ME)
    renewed = await dial(replica).accounts.RefreshSession(refreshing(session))
    await dial(replica, renewed.access_token).accounts.GetUser(ME)


async def test_a_session_that_nobody_goes_on_with_ends(start_replica: StartReplica, dial: Dial, ann: Person) -> None:
    forgetful = dial(await start_replica(refresh_token_lifetime="0"))
    session = await log_in(forgetful, ann)
    with pytest.raises(SessionEnded):
        await forgetful.accounts.RefreshSession(refreshing(session))


async def test_a_token_that_somebody_else_signed_is_refused(replica: Process, dial: Dial, ann: Person) -> None:
    genuine = ann.session.access_token
    claims = jwt.decode(genuine, options={"verify_signature": False})
    kid = jwt.get_unverified_header(genuine)["kid"]
    forgeries = [
        jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": kid}),
        jwt.encode(claims, "", "none", headers={"kid": kid}),
        jwt.encode(claims, kid * 2, "HS256", headers={"kid": kid}),
        jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA"),
        genuine[:-4] + "AAAA",
    ]
    for forgery in forgeries:
        with pytest.raises(TokenInvalid):
            await dial(replica, forgery).accounts.GetUser(ME)


async def test_replicas_that_start_at_once_agree_on_one_key(fresh_database: FreshDatabase) -> None:
    async with postgres.connect(await fresh_database(), "tasksvc", 8) as pool:
        found = await asyncio.gather(*(kept_signing_keys(pool) for _ in range(8)))
    assert len({key.kid for keys in found for key in keys}) == 1


async def test_keys_can_be_given_and_changed_without_ending_sessions(
    start_replica: StartReplica, dial: Dial, ann: Person
) -> None:
    old, new = (
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for _ in range(2)
    )
    before = await start_replica(jwt_key=old)
    session = await log_in(dial(before), ann)
    after = await start_replica(jwt_key=new + old)
    await dial(after, session.access_token).accounts.GetUser(ME)
    published = await dial(after).accounts.GetJwks(pb.GetJwksRequest())
    assert len(published.keys) == 2
    renewed = await dial(after).accounts.RefreshSession(refreshing(session))
    assert jwt.get_unverified_header(renewed.access_token)["kid"] == published.keys[0].kid


async def test_sessions_that_expired_long_ago_are_forgotten(
    start_replica: StartReplica, dial: Dial, newcomer: Newcomer, anonymous: Api, sql: Any
) -> None:
    ann = await newcomer()
    fresh = await log_in(anonymous, ann)
    old_id = jwt.decode(ann.session.access_token, options={"verify_signature": False})["sid"]
    # Time passes.
    await sql.execute("UPDATE sessions SET expire_time = now() - interval '2 days' WHERE id = $1", old_id)
    await start_replica()
    until = time.monotonic() + 10
    while await sql.fetchval("SELECT count(*) FROM sessions WHERE id = $1", old_id):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    await anonymous.accounts.RefreshSession(refreshing(fresh))
