"""Users, API tokens, and what the services ask about them."""

import asyncio
import os
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import jwt
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.accounts.v1 import accounts_pb2 as pb
from taskbell.projects.v1 import projects_pb2

from chassis.errors import (
    CredentialsMissing,
    EmailTaken,
    InvalidField,
    InvalidPageToken,
    LoginFailed,
    ScopeMissing,
    SessionRequired,
    TokenExpired,
    TokenInvalid,
    TokenNotFound,
    TooManyTokens,
    UsernameTaken,
    UserNotFound,
)
from devstack.process import Process
from tests.integration.tasksvc.conftest import PASSWORD, Api, Dial, Newcomer, Person, StartReplica

ME = pb.GetUserRequest(user_id="me")


@pytest.fixture(scope="module")
async def replica(start_replica: StartReplica) -> Process:
    """A tasksvc that hashes passwords in earnest."""
    return await start_replica(password_hashing="strong")


def registration(name: str, email: str = "", password: str = PASSWORD) -> pb.RegisterUserRequest:
    return pb.RegisterUserRequest(username=name, email=email or f"{name}@example.com", password=password)


def cpu_seconds(process: Process) -> float:
    """What a process has worked so far, by /proc/PID/stat (proc(5)): user and system time."""
    user, system = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def make_token(person: Person, *scopes: str, expire_time: Timestamp | None = None) -> pb.Token:
    token = pb.Token(name="ci", scopes=scopes or ["tasks:read"], expire_time=expire_time)
    return await person.api.accounts.CreateToken(pb.CreateTokenRequest(token=token))


async def test_a_new_user_has_a_personal_project_of_its_own(newcomer: Newcomer) -> None:
    carla = await newcomer()
    project = await carla.api.projects.GetProject(projects_pb2.GetProjectRequest(id=carla.user.personal_project_id))
    assert project.personal
    assert project.role == projects_pb2.Member.OWNER
    assert await carla.api.accounts.GetUser(ME) == carla.user
    assert carla.user.email == f"{carla.username}@example.com"


async def test_a_username_belongs_to_one_user(anonymous: Api, ann: Person) -> None:
    with pytest.raises(UsernameTaken):
        await anonymous.accounts.RegisterUser(registration(ann.username, "other@example.com"))


async def test_an_address_belongs_to_one_user_however_it_is_written(anonymous: Api, ann: Person) -> None:
    with pytest.raises(EmailTaken):
        await anonymous.accounts.RegisterUser(registration("somebody-else", ann.user.email.upper()))


async def test_of_many_who_want_a_name_at_once_one_gets_it(anonymous: Api) -> None:
    requests = [registration("wanted", f"wanted-{number}@example.com") for number in range(4)]
    outcomes = await asyncio.gather(*map(anonymous.accounts.RegisterUser, requests), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["User", *["UsernameTaken"] * 3]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (registration("ab"), "username"),
        (registration("Capital"), "username"),
        (registration("fine", "no address"), "email"),
        (registration("fine", "ann@example"), "email"),
        (registration("fine", password="short"), "password"),
    ],
)
async def test_a_bad_registration_names_the_field(anonymous: Api, request_: pb.RegisterUserRequest, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        await anonymous.accounts.RegisterUser(request_)
    assert [violation.field for violation in refused.value.violations] == [field]


@pytest.mark.parametrize("name", ["{0.username}", "{0.email}", "{0.username}@EXAMPLE.COM"])
async def test_one_logs_in_by_username_or_address(anonymous: Api, ann: Person, name: str) -> None:
    session = await anonymous.accounts.LogIn(pb.LogInRequest(username=name.format(ann.user), password=PASSWORD))
    assert session.user == ann.user
    assert session.expires_in == 900


async def test_a_password_is_the_same_however_the_keyboard_composes_it(anonymous: Api) -> None:
    await anonymous.accounts.RegisterUser(registration("accents", password="caf\u00e9 cr\u00e8me"))
    await anonymous.accounts.LogIn(pb.LogInRequest(username="accents", password="cafe\u0301 cre\u0300me"))


async def test_a_refused_login_tells_neither_by_word_nor_by_work_who_exists(
    anonymous: Api, replica: Process, ann: Person
) -> None:
    async def refusals(name: str) -> tuple[set[str], float]:
        began = cpu_seconds(replica)
        messages = set()
        for _ in range(5):
            with pytest.raises(LoginFailed) as refused:
                await anonymous.accounts.LogIn(pb.LogInRequest(username=name, password="not the password"))
            messages.add(refused.value.message)
        return messages, cpu_seconds(replica) - began

    said_of_ann, work_for_ann = await refusals(ann.username)
    said_of_nobody, work_for_nobody = await refusals("nobody-at-all")
    assert said_of_ann == said_of_nobody
    # Not the time that it took, which tells of the machine's other work, too. A hash is tens of ms, all else a few.
    assert work_for_nobody > work_for_ann / 2


async def test_no_password_is_kept(ann: Person, sql: Any) -> None:
    kept = await sql.fetchval("SELECT password_hash FROM users WHERE username = $1", ann.username)
    assert kept.startswith("$argon2id$")


async def test_a_user_is_seen_without_address_by_those_who_share_a_project(newcomer: Newcomer) -> None:
    carla, dave = await newcomer(), await newcomer()
    request = pb.GetUserRequest(user_id=dave.id)
    with pytest.raises(UserNotFound):
        await carla.api.accounts.GetUser(request)
    project = await carla.api.projects.CreateProject(
        projects_pb2.CreateProjectRequest(project=projects_pb2.Project(title="shared"))
    )
    member = projects_pb2.Member(user_id=dave.id, role=projects_pb2.Member.VIEWER)
    await carla.api.projects.AddMember(projects_pb2.AddMemberRequest(project_id=project.id, member=member))
    seen = await carla.api.accounts.GetUser(request)
    assert (seen.username, seen.email, seen.personal_project_id) == (dave.username, "", "")
    assert (await dave.api.accounts.GetUser(request)).email == dave.user.email
    await carla.api.projects.DeleteProject(projects_pb2.DeleteProjectRequest(id=project.id))
    with pytest.raises(UserNotFound):
        await carla.api.accounts.GetUser(request)


async def test_an_api_token_may_do_what_its_scopes_say(replica: Process, dial: Dial, ann: Person) -> None:
    reader = dial(replica, (await make_token(ann, "tasks:read")).secret)
    assert (await reader.accounts.GetUser(ME)).id == ann.id
    with pytest.raises(ScopeMissing):
        await reader.projects.ListProjects(projects_pb2.ListProjectsRequest())


async def test_an_api_token_cannot_make_more_of_them(replica: Process, dial: Dial, ann: Person) -> None:
    program = dial(replica, (await make_token(ann, "account")).secret)
    with pytest.raises(SessionRequired):
        await program.accounts.CreateToken(pb.CreateTokenRequest(token=pb.Token(name="x", scopes=["account"])))
    with pytest.raises(SessionRequired):
        await program.accounts.LogOut(pb.LogOutRequest())


async def test_a_secret_is_shown_once_and_never_kept(ann: Person, sql: Any) -> None:
    token = await make_token(ann)
    assert token.secret.startswith("tb_")
    listed = await ann.api.accounts.ListTokens(pb.ListTokensRequest(page_size=1))
    assert listed.tokens[0].id == token.id
    assert not listed.tokens[0].secret
    secret = urlsafe_b64decode(token.secret.removeprefix("tb_") + "==")[32:]
    assert await sql.fetchval("SELECT count(*) FROM tokens WHERE hash = $1", secret) == 0


async def test_a_revoked_token_is_refused_on_the_next_call(replica: Process, dial: Dial, ann: Person) -> None:
    token = await make_token(ann)
    program = dial(replica, token.secret)
    await program.accounts.GetUser(ME)
    await ann.api.accounts.DeleteToken(pb.DeleteTokenRequest(id=token.id))
    with pytest.raises(TokenInvalid):
        await program.accounts.GetUser(ME)
    with pytest.raises(TokenNotFound):
        await ann.api.accounts.DeleteToken(pb.DeleteTokenRequest(id=token.id))


async def test_nobody_revokes_somebody_elses_token(replica: Process, dial: Dial, ann: Person, bob: Person) -> None:
    token = await make_token(ann)
    with pytest.raises(TokenNotFound):
        await bob.api.accounts.DeleteToken(pb.DeleteTokenRequest(id=token.id))
    await dial(replica, token.secret).accounts.GetUser(ME)


async def test_an_expired_token_is_refused(replica: Process, dial: Dial, ann: Person, sql: Any) -> None:
    soon = Timestamp(seconds=int(time.time()) + 3600)
    token = await make_token(ann, expire_time=soon)
    assert token.expire_time == soon
    # Time passes.
    await sql.execute("UPDATE tokens SET expire_time = now() - interval '1 minute' WHERE id = $1", token.id)
    with pytest.raises(TokenExpired):
        await dial(replica, token.secret).accounts.GetUser(ME)


async def test_a_token_cannot_end_before_it_begins(ann: Person) -> None:
    with pytest.raises(InvalidField) as refused:
        await make_token(ann, expire_time=Timestamp(seconds=1))
    assert refused.value.violations[0].field == "token.expire_time"


async def test_a_user_has_so_many_tokens_and_no_more(newcomer: Newcomer) -> None:
    fay = await newcomer()
    made = await asyncio.gather(*(make_token(fay) for _ in range(204)), return_exceptions=True)
    tokens = [each for each in made if isinstance(each, pb.Token)]
    assert len(tokens) == 200
    assert {type(each) for each in made} == {pb.Token, TooManyTokens}
    await fay.api.accounts.DeleteToken(pb.DeleteTokenRequest(id=tokens[0].id))
    assert await make_token(fay)


async def test_tokens_are_listed_newest_first_page_by_page(newcomer: Newcomer) -> None:
    carla = await newcomer()
    made = [(await make_token(carla)).id for _ in range(5)]
    listed: list[str] = []
    request = pb.ListTokensRequest(page_size=2)
    while True:
        page = await carla.api.accounts.ListTokens(request)
        listed += [token.id for token in page.tokens]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == made[::-1]
    with pytest.raises(InvalidPageToken):
        await carla.api.accounts.ListTokens(pb.ListTokensRequest(page_token="made up"))


@pytest.mark.parametrize("token", ["nonsense", "tb_nonsense", "tb_" + "A" * 86, "a.b.c"])
async def test_what_is_no_token_is_refused(replica: Process, dial: Dial, token: str) -> None:
    with pytest.raises(TokenInvalid):
        await dial(replica, token).accounts.GetUser(ME)


async def test_a_token_with_a_right_name_and_a_wrong_secret_is_refused(
    replica: Process, dial: Dial, ann: Person
) -> None:
    secret = (await make_token(ann)).secret
    with pytest.raises(TokenInvalid):
        await dial(replica, secret[:-8] + "AAAAAAAA").accounts.GetUser(ME)


async def test_without_credentials_one_is_asked_for_them(anonymous: Api) -> None:
    with pytest.raises(CredentialsMissing):
        await anonymous.accounts.GetUser(ME)


async def test_anybody_can_check_an_access_token_with_the_published_key(anonymous: Api, ann: Person) -> None:
    keys = await anonymous.accounts.GetJwks(pb.GetJwksRequest())
    token = ann.session.access_token
    (key,) = [key for key in keys.keys if key.kid == jwt.get_unverified_header(token)["kid"]]
    public = jwt.PyJWK({"kty": key.kty, "crv": key.crv, "x": key.x, "alg": key.alg, "use": key.use, "kid": key.kid})
    claims = jwt.decode(token, public, ["EdDSA"], audience="taskbell", issuer="taskbell")
    assert claims["sub"] == ann.id
    assert claims["exp"] - claims["iat"] == 900
    assert claims["sid"]
    assert claims["jti"]


async def test_services_learn_whom_a_token_speaks_for(another_service: Api, newcomer: Newcomer) -> None:
    carla = await newcomer()
    found = await another_service.accounts.IntrospectToken(pb.IntrospectTokenRequest(token=carla.session.access_token))
    assert found.user_id == carla.id
    assert found.session_id
    assert not found.token_id
    assert list(found.project_ids) == [carla.user.personal_project_id]
    assert 0 < found.expire_time.seconds - time.time() <= 900
    token = await make_token(carla, "tasks:read", "queues:work")
    found = await another_service.accounts.IntrospectToken(pb.IntrospectTokenRequest(token=token.secret))
    assert (found.user_id, found.token_id, found.session_id) == (carla.id, token.id, "")
    assert set(found.scopes) == {"tasks:read", "queues:work"}
    assert not found.HasField("expire_time")
    with pytest.raises(TokenInvalid):
        await another_service.accounts.IntrospectToken(pb.IntrospectTokenRequest(token="nonsense"))


async def test_services_learn_of_many_tokens_at_once_and_of_each_that_is_refused(
    another_service: Api, newcomer: Newcomer
) -> None:
    ann, bob, gone = await newcomer(), await newcomer(), await newcomer()
    token = await make_token(bob, "tasks:read")
    await gone.api.accounts.LogOut(pb.LogOutRequest())
    tokens = [ann.session.access_token, "nonsense", token.secret, gone.session.access_token, ann.session.access_token]
    answer = await another_service.accounts.IntrospectTokens(pb.IntrospectTokensRequest(tokens=tokens))
    first, invalid, second, ended, again = answer.introspections
    for found, alone in ((first, tokens[0]), (second, tokens[2]), (again, tokens[4])):
        request = pb.IntrospectTokenRequest(token=alone)
        assert found.principal == await another_service.accounts.IntrospectToken(request)
    assert (invalid.refusal.reason, ended.refusal.reason) == ("TOKEN_INVALID", "SESSION_ENDED")
    assert invalid.refusal.message


@pytest.mark.parametrize("tokens", [[], [""], ["x"] * 1001, ["x" * 4097]])
async def test_no_more_than_a_thousand_tokens_are_taken_at_once(another_service: Api, tokens: list[str]) -> None:
    with pytest.raises(InvalidField, match="tokens") as raised:
        await another_service.accounts.IntrospectTokens(pb.IntrospectTokensRequest(tokens=tokens))
    assert "xx" not in raised.value.message


async def test_services_get_many_users_with_their_addresses(another_service: Api, ann: Person, bob: Person) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    answer = await another_service.accounts.BatchGetUsers(
        pb.BatchGetUsersRequest(user_ids=[ann.id, bob.id, bob.id, unknown])
    )
    assert {user.id: user.email for user in answer.users} == {ann.id: ann.user.email, bob.id: bob.user.email}


async def test_only_services_may_ask_so(ann: Person) -> None:
    with pytest.raises(CredentialsMissing):
        await ann.api.accounts.BatchGetUsers(pb.BatchGetUsersRequest(user_ids=[ann.id]))
    with pytest.raises(CredentialsMissing):
        await ann.api.accounts.IntrospectToken(pb.IntrospectTokenRequest(token="x"))
    with pytest.raises(CredentialsMissing):
        await ann.api.accounts.IntrospectTokens(pb.IntrospectTokensRequest(tokens=["x"]))
