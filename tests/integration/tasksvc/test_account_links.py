"""Links that are mailed, to confirm an address or set a password. Tokens are asked for as notifysvc does."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from taskbell.accounts.v1 import accounts_pb2 as pb

from chassis.errors import CredentialsMissing, InvalidField, LinkInvalid, LoginFailed, RateLimited, SessionEnded
from tests.integration.tasksvc.conftest import PASSWORD, Api, Dial, Newcomer, Person, StartReplica

ME = pb.GetUserRequest(user_id="me")
NEW_PASSWORD = "a better one than before"
Link = Callable[[Person, str], Awaitable[str]]


@pytest.fixture
async def link(another_service: Api, sql: Any) -> Link:
    """The token of the link that was mailed to a person last: `await link(ann, RESET)`."""

    async def mailed(person: Person, kind: str) -> str:
        event_id = await newest(sql, person, kind)
        if event_id is None and kind == CONFIRMATION:
            await person.api.accounts.SendConfirmation(pb.SendConfirmationRequest())
            event_id = await newest(sql, person, kind)
        return (await another_service.accounts.IssueLink(pb.IssueLinkRequest(event_id=str(event_id)))).token

    return mailed


async def newest(sql: Any, person: Person, kind: str) -> UUID | None:
    found: UUID | None = await sql.fetchval(
        "SELECT event_id FROM events WHERE type = $1 AND subject_id = $2 ORDER BY id DESC", kind, UUID(person.id)
    )
    return found


async def pass_time(sql: Any, person: Person, interval: str) -> None:
    """For the person's links."""
    await sql.execute(
        "UPDATE links SET create_time = create_time - i.past, expire_time = expire_time - i.past"
        " FROM (SELECT $2::text::interval AS past) AS i WHERE user_id = $1",
        UUID(person.id),
        interval,
    )


def confirming(token: str) -> pb.ConfirmEmailRequest:
    return pb.ConfirmEmailRequest(token=token)


def resetting(token: str, password: str = NEW_PASSWORD) -> pb.ResetPasswordRequest:
    return pb.ResetPasswordRequest(token=token, password=password)


CONFIRMATION = "account.confirmation_requested"
RESET = "account.password_reset_requested"


async def ask_for_a_password(anonymous: Api, email: str) -> None:
    await anonymous.accounts.RequestPasswordReset(pb.RequestPasswordResetRequest(email=email))


async def test_who_registers_is_mailed_a_link_if_that_is_set(
    start_replica: StartReplica, dial: Dial, newcomer: Newcomer, sql: Any
) -> None:
    assert await newest(sql, await newcomer(), CONFIRMATION) is None
    eager = dial(await start_replica(confirm_on_register="on"))
    name = "somebody-eager"
    user = await eager.accounts.RegisterUser(
        pb.RegisterUserRequest(username=name, email=f"{name}@example.com", password=PASSWORD)
    )
    assert await sql.fetchval("SELECT type FROM events WHERE subject_id = $1", UUID(user.id)) == CONFIRMATION


async def test_a_user_confirms_the_address_by_the_link_once(anonymous: Api, newcomer: Newcomer, link: Link) -> None:
    ann = await newcomer()
    assert not ann.user.HasField("email_confirm_time")
    token = await link(ann, CONFIRMATION)
    await anonymous.accounts.ConfirmEmail(confirming(token))
    confirmed = await ann.api.accounts.GetUser(ME)
    assert confirmed.email_confirm_time.ToSeconds() >= ann.user.create_time.ToSeconds()
    assert confirmed.etag != ann.user.etag
    with pytest.raises(LinkInvalid):
        await anonymous.accounts.ConfirmEmail(confirming(token))


async def test_another_link_takes_the_place_of_the_one_before_and_not_every_second(
    anonymous: Api, newcomer: Newcomer, link: Link, sql: Any
) -> None:
    ann = await newcomer()
    first = await link(ann, CONFIRMATION)
    with pytest.raises(RateLimited):
        await ann.api.accounts.SendConfirmation(pb.SendConfirmationRequest())
    await pass_time(sql, ann, "2 minutes")
    await ann.api.accounts.SendConfirmation(pb.SendConfirmationRequest())
    second = await link(ann, CONFIRMATION)
    with pytest.raises(LinkInvalid):
        await anonymous.accounts.ConfirmEmail(confirming(first))
    await anonymous.accounts.ConfirmEmail(confirming(second))
    await ann.api.accounts.SendConfirmation(pb.SendConfirmationRequest())  # and nothing is mailed


async def test_a_mail_that_is_sent_twice_has_the_same_link_and_a_used_one_does_not_come_back(
    anonymous: Api, newcomer: Newcomer, link: Link
) -> None:
    ann = await newcomer()
    first, second = await link(ann, CONFIRMATION), await link(ann, CONFIRMATION)
    assert first == second
    await anonymous.accounts.ConfirmEmail(confirming(first))
    with pytest.raises(LinkInvalid):
        await link(ann, CONFIRMATION)


async def test_a_new_password_ends_all_sessions_and_the_old_one_is_none_any_more(
    anonymous: Api, newcomer: Newcomer, link: Link, sql: Any
) -> None:
    ann = await newcomer()
    await anonymous.accounts.LogIn(pb.LogInRequest(username=ann.username, password=PASSWORD))
    await ask_for_a_password(anonymous, ann.user.email.upper())
    token = await link(ann, RESET)
    answer = await anonymous.accounts.ResetPassword(resetting(token))
    assert answer.ended_sessions == 2
    with pytest.raises(SessionEnded):
        await ann.api.accounts.GetUser(ME)
    with pytest.raises(SessionEnded):
        await anonymous.accounts.RefreshSession(pb.RefreshSessionRequest(refresh_token=ann.session.refresh_token))
    with pytest.raises(LoginFailed):
        await anonymous.accounts.LogIn(pb.LogInRequest(username=ann.username, password=PASSWORD))
    session = await anonymous.accounts.LogIn(pb.LogInRequest(username=ann.username, password=NEW_PASSWORD))
    assert session.user.HasField("email_confirm_time")
    assert await newest(sql, ann, "account.password_changed")
    with pytest.raises(LinkInvalid):
        await anonymous.accounts.ResetPassword(resetting(token))


async def test_of_two_who_use_one_link_at_once_one_is_late(anonymous: Api, newcomer: Newcomer, link: Link) -> None:
    ann = await newcomer()
    await ask_for_a_password(anonymous, ann.user.email)
    token = await link(ann, RESET)
    outcomes = await asyncio.gather(
        *(anonymous.accounts.ResetPassword(resetting(token)) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LinkInvalid", "ResetPasswordResponse"]


async def test_who_signs_in_while_the_password_is_being_changed_finds_another_one(
    anonymous: Api, newcomer: Newcomer, sql: Any
) -> None:
    ann = await newcomer()
    async with sql.transaction():
        await sql.execute("UPDATE users SET password_hash = 'another' WHERE id = $1", UUID(ann.id))
        late = asyncio.ensure_future(
            anonymous.accounts.LogIn(pb.LogInRequest(username=ann.username, password=PASSWORD))
        )
        async with asyncio.timeout(60):
            while not await sql.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # another process's statement
    with pytest.raises(LoginFailed):
        await late


@pytest.mark.parametrize("token", ["made-up", "x" * 512])
async def test_a_link_that_nobody_sent_is_refused(anonymous: Api, token: str) -> None:
    with pytest.raises(LinkInvalid):
        await anonymous.accounts.ConfirmEmail(confirming(token))
    with pytest.raises(LinkInvalid):
        await anonymous.accounts.ResetPassword(resetting(token))


async def test_a_link_for_something_else_is_refused_and_stays(anonymous: Api, newcomer: Newcomer, link: Link) -> None:
    ann = await newcomer()
    await ask_for_a_password(anonymous, ann.user.email)
    confirmation, reset = await link(ann, CONFIRMATION), await link(ann, RESET)
    with pytest.raises(LinkInvalid):
        await anonymous.accounts.ResetPassword(resetting(confirmation))
    with pytest.raises(LinkInvalid):
        await anonymous.accounts.ConfirmEmail(confirming(reset))
    await anonymous.accounts.ConfirmEmail(confirming(confirmation))
    await anonymous.accounts.ResetPassword(resetting(reset))


@pytest.mark.parametrize(("kind", "interval"), [(CONFIRMATION, "73 hours"), (RESET, "61 minutes")])
async def test_a_link_expires_and_is_then_not_even_mailed(
    anonymous: Api, newcomer: Newcomer, link: Link, sql: Any, kind: str, interval: str
) -> None:
    ann = await newcomer()
    await ask_for_a_password(anonymous, ann.user.email)
    token = await link(ann, kind)
    await pass_time(sql, ann, interval)
    use: Any = anonymous.accounts.ResetPassword if kind == RESET else anonymous.accounts.ConfirmEmail
    with pytest.raises(LinkInvalid):
        await use(resetting(token) if kind == RESET else confirming(token))
    with pytest.raises(LinkInvalid):
        await link(ann, kind)


async def test_a_weak_password_is_refused_by_its_field_and_the_link_stays(
    anonymous: Api, newcomer: Newcomer, link: Link
) -> None:
    ann = await newcomer()
    await ask_for_a_password(anonymous, ann.user.email)
    token = await link(ann, RESET)
    for password in ("short", "x" * 129):
        with pytest.raises(InvalidField) as refused:
            await anonymous.accounts.ResetPassword(resetting(token, password))
        assert [violation.field for violation in refused.value.violations] == ["password"]
        assert password not in str(refused.value)
    await anonymous.accounts.ResetPassword(resetting(token))


async def test_nobody_learns_whether_an_address_is_known(anonymous: Api, newcomer: Newcomer, sql: Any) -> None:
    ann = await newcomer()
    times = []
    for email in (ann.user.email, "nobody-at-all@example.com", ann.user.email):
        begun = time.monotonic()
        await ask_for_a_password(anonymous, email)
        times.append(time.monotonic() - begun)
    assert min(times) >= 0.25
    # The third came too soon after the first, which the caller isn't told either.
    mailed = await sql.fetchval("SELECT count(*) FROM events WHERE type = $1 AND subject_id = $2", RESET, UUID(ann.id))
    assert mailed == 1


@pytest.mark.parametrize(
    "email", ["", "nowhere", "a@b@c", "a@example.com\r\nBcc: all@example.com", "x" * 250 + "@b.de"]
)
async def test_what_is_no_address_is_refused(anonymous: Api, email: str) -> None:
    with pytest.raises(InvalidField):
        await ask_for_a_password(anonymous, email)


async def test_only_services_are_given_the_token_of_a_link(
    anonymous: Api, newcomer: Newcomer, another_service: Api, sql: Any
) -> None:
    ann = await newcomer()
    await ann.api.accounts.SendConfirmation(pb.SendConfirmationRequest())
    request = pb.IssueLinkRequest(event_id=str(await newest(sql, ann, CONFIRMATION)))
    for api in (anonymous, ann.api):
        with pytest.raises(CredentialsMissing):
            await api.accounts.IssueLink(request)
    with pytest.raises(LinkInvalid):
        await another_service.accounts.IssueLink(pb.IssueLinkRequest(event_id=str(uuid4())))


async def test_neither_the_database_nor_the_bus_holds_what_a_link_carries(
    newcomer: Newcomer, link: Link, sql: Any
) -> None:
    ann = await newcomer()
    token = await link(ann, CONFIRMATION)
    rows = await sql.fetch("SELECT to_jsonb(links)::text AS row FROM links UNION ALL SELECT body::text FROM events")
    assert rows
    assert not [row for row in rows if token in row["row"]]
