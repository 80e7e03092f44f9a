"""A backup of PostgreSQL is all it takes to come back, and nobody is told what the backup doesn't know."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from chassis import jetstream
from devstack import postgres
from devstack.stack import Stack
from tests.conftest import MakeStack
from tests.integration.operations.conftest import Json, asked, sign_up


@pytest.fixture
async def stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    async with make_stack() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def run(*command: str, **environment: str) -> None:
    child = await asyncio.create_subprocess_exec(
        *command, env=environment or None, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await child.communicate()
    assert child.returncode == 0, printed.decode()


async def wipe(stack: Stack) -> None:
    """Drops the database, and makes an empty one."""
    maintenance = postgres.url(stack.ports.postgres, stack.secrets.postgres, "postgres")
    connection = await asyncpg.connect(maintenance)
    await connection.execute(f"DROP DATABASE {postgres.DATABASE} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {postgres.DATABASE}")
    await connection.close()


async def subscribed(socket: aiohttp.ClientWebSocketResponse, token: str, after: str = "") -> list[Json]:
    """Subscribes to everything; what is said up to the subscription's first word, and that of a gap."""
    await socket.send_json({"hello": {"token": token}})
    await socket.send_json({"subscribe": {"id": "s1", **({"after": after} if after else {})}})
    said: list[Json] = []
    while not said or not ({"subscribed", "error"} & said[-1].keys()):
        said.append(await socket.receive_json(timeout=60))
    if not said[-1]["subscribed"].get("recovered") and after:
        said.append(await socket.receive_json(timeout=60))
    return said


async def event_of(socket: aiohttp.ClientWebSocketResponse, task: str) -> Json:
    """The next event of the task."""
    while True:
        frame: Json = await socket.receive_json(timeout=60)
        for event in frame.get("events", {}).get("events", []):
            if event.get("taskId") == task:
                return dict(event)


async def quiet(stack: Stack) -> None:
    """Returns when every event is in the stream, and has had its effect."""
    connection = await asyncpg.connect(stack.database_url)
    async with jetstream.connect(stack.nats_url) as bus:
        while True:
            events = await connection.fetchval("SELECT count(*) FROM tasksvc.events")
            waiting = await connection.fetchval("SELECT count(*) FROM tasksvc.events WHERE stream_sequence IS NULL")
            await bus.ready()
            stream = await bus.jetstream.stream_info(jetstream.STREAM)
            if not waiting and stream.state.messages == events and stream.state.consumer_count:
                consumer = await bus.jetstream.consumer_info(jetstream.STREAM, "notifysvc")
                if not consumer.num_pending and not consumer.num_ack_pending:
                    break
            await asyncio.sleep(0.1)
    await connection.close()


@pytest.mark.parametrize("lost", ["the database", "everything"])
async def test_after_a_restore_everybody_sees_the_backup_and_hears_of_a_gap(
    stack: Stack, http: aiohttp.ClientSession, tmp_path: Path, lost: str
) -> None:
    async def ask(method: str, path: str, token: str, **request: Any) -> Json:
        return await asked(http, method, stack.http_url + path, token, **request)

    async def mails() -> list[str]:
        answer = await asked(http, "GET", f"{stack.mail_url}/api/v1/messages")
        return sorted(mail["Subject"] for mail in answer["messages"])

    ann = (await sign_up(http, stack, "ann"))["accessToken"]
    person = await ask("GET", "/v1/users/me", ann)
    task = await ask("POST", "/v1/tasks", ann, json={"title": "as it was", "assigneeId": person["id"]})
    async with http.ws_connect(f"{stack.http_url}/v1/events") as socket:
        await subscribed(socket, ann)
        await ask("PATCH", f"/v1/tasks/{task['id']}", ann, json={"description": "the same"})
        cursor = (await event_of(socket, task["id"]))["cursor"]
    await quiet(stack)
    while not (written := await mails()):  # noqa: ASYNC110 - the mail server's API has no event to wait for
        await asyncio.sleep(0.1)
    told = await ask("GET", "/v1/notifications", ann)

    dump = tmp_path / "taskbell.dump"
    await run(postgres.binary("pg_dump"), "--format=custom", f"--file={dump}", stack.database_url)

    changed = await ask("PATCH", f"/v1/tasks/{task['id']}", ann, json={"title": "after the backup"})
    ghost = await ask("POST", "/v1/tasks", ann, json={"title": "made after the backup"})
    assert (await ask("GET", f"/v1/tasks/{task['id']}", ann))["title"] == changed["title"]
    await quiet(stack)

    for service in reversed(stack.services):
        await service.stop()
    await wipe(stack)
    if lost == "everything":
        for server, folder in ((stack.nats, "nats"), (stack.valkey, "valkey")):
            await server.stop()
            for each in (stack.folder / folder).iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()
            await server.start()
    await run(postgres.binary("pg_restore"), "--exit-on-error", f"--dbname={stack.database_url}", str(dump))
    await run(sys.executable, "-m", "tasksvc", "restored", **stack.service_environment())
    for service in stack.services:
        await service.start()

    assert (await ask("GET", f"/v1/tasks/{task['id']}", ann))["title"] == "as it was"
    listed = await ask("GET", "/v1/tasks", ann)
    assert ghost["id"] not in [each["id"] for each in listed["tasks"]]
    async with http.ws_connect(f"{stack.http_url}/v1/events") as socket:
        said = await subscribed(socket, ann, after=cursor)
        assert "gap" in said[-1], said
        later = await ask("POST", "/v1/tasks", ann, json={"title": "life goes on"})
        assert (await event_of(socket, later["id"]))["type"] == "task.created"
    await quiet(stack)
    assert await ask("GET", "/v1/notifications", ann) == told
    assert await mails() == written
