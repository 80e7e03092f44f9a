"""The SDK's client against a server that fails on demand."""

import asyncio
import json
import os
import stat
import sys
import time
from collections.abc import AsyncIterator

import grpc
import pytest

from chassis.errors import (
    Cancelled,
    DeadlineExceeded,
    FieldViolation,
    InvalidField,
    RefreshTokenReused,
    TaskNotFound,
    TokenExpired,
    Unavailable,
)
from cli import sdk
from cli.client import Client
from cli.config_file import ConfigFile
from cli.credentials import StoredSession
from tests.integration.cli.conftest import Opened
from tests.integration.cli.peer import Peer


def create(title: str = "milk") -> sdk.tasks.CreateTaskRequest:
    return sdk.tasks.CreateTaskRequest(task=sdk.tasks.Task(title=title))


async def test_a_change_is_repeated_with_the_same_request_id(peer: Peer, client: Client) -> None:
    peer.failures += [Unavailable("not now"), Cancelled("a server that stops cancels what it has not begun")]
    assert (await client.tasks.create_task(create())).title == "milk"
    ids = {request.request_id for request in peer.heard}
    assert len(peer.heard) == 3
    assert len(ids) == 1
    assert "" not in ids


async def test_two_changes_have_two_request_ids(peer: Peer, client: Client) -> None:
    await client.tasks.create_task(create())
    await client.tasks.create_task(create())
    assert len({request.request_id for request in peer.heard}) == 2


async def test_a_callers_own_request_id_is_kept(peer: Peer, client: Client) -> None:
    request = create()
    request.request_id = "mine"
    await client.tasks.create_task(request)
    assert peer.heard[0].request_id == "mine"


async def test_a_call_that_makes_a_secret_is_not_repeated(peer: Peer, client: Client) -> None:
    peer.failures += [Unavailable("not now")]
    with pytest.raises(Unavailable, match="not now"):
        await client.accounts.create_token(sdk.accounts.CreateTokenRequest(token=sdk.accounts.Token(name="ci")))
    assert len(peer.heard) == 1


async def test_an_error_keeps_its_class_and_its_details(peer: Peer, client: Client) -> None:
    peer.failures += [
        TaskNotFound("there is no such task"),
        InvalidField("bad", violations=[FieldViolation("task.title", "is empty")]),
    ]
    with pytest.raises(TaskNotFound, match="no such task"):
        await client.tasks.get_task(sdk.tasks.GetTaskRequest(id="x"))
    with pytest.raises(InvalidField) as raised:
        await client.tasks.get_task(sdk.tasks.GetTaskRequest(id="x"))
    assert raised.value.violations == (FieldViolation("task.title", "is empty"),)


async def test_a_silent_server_is_waited_for_no_longer_than_the_deadline(peer: Peer, opened: Opened) -> None:
    client = opened(token="access-0", timeout=0.2)
    peer.stuck.clear()
    with pytest.raises(DeadlineExceeded):
        await client.tasks.get_task(sdk.tasks.GetTaskRequest(id="x"))
    peer.stuck.set()


async def test_an_address_without_a_server_is_named(opened: Opened) -> None:
    client = opened(tasks_address="127.0.0.1:1", token="access-0")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await client.tasks.get_task(sdk.tasks.GetTaskRequest(id="x"))


async def test_a_refused_token_is_renewed_and_the_call_made_again(
    peer: Peer, opened: Opened, logged_in: ConfigFile
) -> None:
    peer.live_tokens.clear()
    client = opened(credentials=StoredSession(logged_in, "default"))
    user = await client.accounts.get_user(sdk.accounts.GetUserRequest(user_id="me"))
    assert user.username == "ann"
    session = logged_in.read().contexts["default"].session
    assert session
    assert (session.access_token, session.refresh_token) == ("access-1", "refresh-1")
    assert session.expires > time.time() + 800


async def test_a_token_about_to_end_is_renewed_before_the_call(
    peer: Peer, opened: Opened, logged_in: ConfigFile
) -> None:
    async with logged_in.change() as config:
        assert config.contexts["default"].session
        config.contexts["default"].session.expires = time.time() + 1
    client = opened(credentials=StoredSession(logged_in, "default"))
    await client.accounts.get_user(sdk.accounts.GetUserRequest(user_id="me"))
    assert peer.refreshes == 1


async def test_many_clients_of_one_session_refresh_it_once(peer: Peer, opened: Opened, logged_in: ConfigFile) -> None:
    peer.live_tokens.clear()
    clients = [opened(credentials=StoredSession(logged_in, "default")) for _ in range(8)]
    ask = sdk.accounts.GetUserRequest(user_id="me")
    users = await asyncio.gather(*(client.accounts.get_user(ask) for client in clients for _ in range(3)))
    assert {user.username for user in users} == {"ann"}
    assert peer.refreshes == 1


async def test_commands_started_together_refresh_their_session_once(peer: Peer, logged_in: ConfigFile) -> None:
    peer.live_tokens.clear()
    environment = {**os.environ, "TASKBELL_CONFIG": str(logged_in.path)}

    async def whoami() -> tuple[int | None, bytes]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", "whoami", "-o", "json", env=environment, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await child.communicate()
        return child.returncode, printed

    for code, printed in await asyncio.gather(*(whoami() for _ in range(4))):
        assert code == 0
        assert json.loads(printed)["username"] == "ann"
    assert peer.refreshes == 1


async def test_a_session_that_has_ended_is_forgotten(peer: Peer, opened: Opened, logged_in: ConfigFile) -> None:
    peer.live_tokens.clear()
    peer.refresh_token = "another"
    client = opened(credentials=StoredSession(logged_in, "default"))
    with pytest.raises(RefreshTokenReused):
        await client.accounts.get_user(sdk.accounts.GetUserRequest(user_id="me"))
    assert logged_in.read().contexts["default"].session is None


async def test_a_refresh_that_gets_no_answer_is_not_repeated_and_forgets_nothing(
    peer: Peer, opened: Opened, logged_in: ConfigFile
) -> None:
    peer.live_tokens.clear()
    peer.failures += [Unavailable("not now")]
    client = opened(credentials=StoredSession(logged_in, "default"))
    with pytest.raises(Unavailable):
        await client.accounts.get_user(sdk.accounts.GetUserRequest(user_id="me"))
    assert peer.refreshes == 1
    assert logged_in.read().contexts["default"].session


async def test_an_api_token_is_never_renewed(peer: Peer, opened: Opened) -> None:
    client = opened(token="tb_old")
    with pytest.raises(TokenExpired) as raised:
        await client.accounts.get_user(sdk.accounts.GetUserRequest(user_id="me"))
    assert raised.value.code is grpc.StatusCode.UNAUTHENTICATED
    assert peer.refreshes == 0


async def test_the_configuration_stays_its_owners_alone(logged_in: ConfigFile) -> None:
    logged_in.path.chmod(0o644)
    async with logged_in.change() as config:
        config.current = "default"
    assert stat.S_IMODE(logged_in.path.stat().st_mode) == 0o600


async def test_a_stream_that_is_refused_tells_why_however_fast(opened: Opened) -> None:
    stranger = opened(token="somebody-else's")

    async def hello() -> AsyncIterator[sdk.queues.WorkRequest]:
        yield sdk.queues.WorkRequest(hello=sdk.queues.WorkHello(queues=["q"]))

    for _ in range(50):
        with pytest.raises(TokenExpired):
            async for _heard in stranger.queues.work(hello()):
                pass
