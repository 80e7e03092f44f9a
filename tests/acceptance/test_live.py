"""Live streams beside the real tasksvc: rights that end, rights that begin, and the order of changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import grpc.aio
import pytest
import pytest_asyncio
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import ConnectRequest, Hello, Subscribe, WatchRequest
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceStub

from chassis.errors import from_rpc_error
from devstack.stack import Stack
from tests.acceptance.conftest import Newcomer
from tests.acceptance.system import System

PROMISED = 5.0
"""Seconds after which a right that was taken away is gone, also from open streams."""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def notifications(system: System) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(system.notify_address) as channel:
        yield NotificationServiceStub(channel)


@asynccontextmanager
async def connected(notifications: Any, token: str, **wanted: Any) -> AsyncIterator[Any]:
    """A stream that has said hello and runs one subscription."""
    stream = notifications.Connect()
    await stream.write(ConnectRequest(hello=Hello(token=token)))
    assert (await stream.read()).HasField("welcome")
    await stream.write(ConnectRequest(subscribe=Subscribe(id="s", **wanted)))
    assert (await stream.read()).HasField("subscribed")
    yield stream
    stream.cancel()


async def refusal(stream: Any) -> str:
    """The reason for which the stream ends within the time promised."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asyncio.wait_for(drained(stream), PROMISED)
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
    return from_rpc_error(raised.value).reason


async def drained(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


async def test_logging_out_ends_the_open_streams(notifications: Any, newcomer: Newcomer) -> None:
    ann = await newcomer()
    async with connected(notifications, ann.token) as stream:
        await ann.ask("DELETE", "/v1/sessions/current")
        assert await refusal(stream) == "SESSION_ENDED"


async def test_revoking_an_api_token_ends_its_streams_and_no_other(notifications: Any, newcomer: Newcomer) -> None:
    ann = await newcomer()
    token = await ann.make("/v1/tokens", name="a lamp", scopes=["notifications:read"])
    async with connected(notifications, token["secret"]) as stream, connected(notifications, ann.token) as session:
        await ann.ask("DELETE", f"/v1/tokens/{token['id']}")
        assert await refusal(stream) == "TOKEN_INVALID"
        task = await ann.make("/v1/tasks", title="milk")
        heard = [event.task.id for event in (await session.read()).events.events if event.HasField("task")]
        while not heard:
            heard = [event.task.id for event in (await session.read()).events.events if event.HasField("task")]
        assert heard == [task["id"]]


async def test_who_is_invited_and_given_a_task_at_once_hears_of_it_on_an_open_stream(
    notifications: Any, newcomer: Newcomer
) -> None:
    ann, bob = await newcomer(), await newcomer()
    async with connected(notifications, bob.token) as stream:
        given = []
        for number in range(10):
            project = await ann.make("/v1/projects", title=f"project {number}")
            await ann.make(f"/v1/projects/{project['id']}/members", username=bob.username, role="EDITOR")
            task = await ann.make("/v1/tasks", title="for you", projectId=project["id"], assigneeId=bob.id)
            given.append(task["id"])
        heard: list[str] = []
        async with asyncio.timeout(60):
            while len(heard) < len(given):
                heard += [event.task_id for event in (await stream.read()).events.events if event.task_id]
        assert heard == given


async def test_the_changes_of_a_task_come_once_each_in_the_order_of_its_versions(
    notifications: Any, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    task = await ann.make("/v1/tasks", title="title 0")
    stream = notifications.Watch(WatchRequest(project=ann.user["personalProjectId"]), metadata=ann.metadata)
    await stream.initial_metadata()
    async with asyncio.TaskGroup() as changes:
        for number in range(1, 41):
            changes.create_task(ann.ask("PATCH", f"/v1/tasks/{task['id']}", {"title": f"title {number}"}))
    heard: list[int] = []
    async with asyncio.timeout(60):
        while 41 not in heard:
            heard.append((await stream.read()).task_version)
    stream.cancel()
    # The first version was committed before, but may have reached the stream of events after "from now on".
    assert heard in (list(range(1, 42)), list(range(2, 42)))


async def heard(stream: Any, task: Any, count: int = 1) -> list[Any]:
    """The next events of the task, its creation left out: that may have come before "from now on", or after it."""
    found: list[Any] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            events = (await stream.read()).events.events
            found += [event for event in events if event.task_id == task["id"] and event.type != "task.created"]
    assert len(found) == count
    return found


async def test_a_task_that_moves_leaves_for_those_who_do_not_see_where_it_goes_and_comes_without_its_past(
    notifications: Any, newcomer: Newcomer
) -> None:
    ann, bob, cleo = [await newcomer() for _ in range(3)]
    old, new = [await ann.make("/v1/projects", title=title) for title in ("old", "new")]
    for project, person in ((old, bob), (new, cleo)):
        await ann.make(f"/v1/projects/{project['id']}/members", username=person.username, role="VIEWER")
    task = await ann.make("/v1/tasks", title="secret plan", projectId=old["id"])
    async with (
        connected(notifications, ann.token) as anns,
        connected(notifications, bob.token) as bobs,
        connected(notifications, cleo.token) as cleos,
    ):
        await ann.ask("PATCH", f"/v1/tasks/{task['id']}", {"title": "plan", "projectId": new["id"]})
        ((went,), (left,), (came,)) = [await heard(stream, task) for stream in (anns, bobs, cleos)]
    assert (went.transition, went.previous.title, went.task.title) == (Event.CHANGE, "secret plan", "plan")
    assert (left.type, left.transition, left.task.title) == ("task.left", Event.LEAVE, "secret plan")
    assert new["id"] not in str(left)
    assert (came.transition, came.task.title, came.HasField("previous")) == (Event.ENTER, "plan", False)
    assert old["id"] not in str(came)


async def test_a_saved_filter_is_told_what_comes_what_changes_and_what_goes(
    notifications: Any, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    async with connected(notifications, ann.token, filter="priority = HIGH AND status = PENDING") as stream:
        task = await ann.make("/v1/tasks", title="milk")
        path = f"/v1/tasks/{task['id']}"
        await ann.ask("PATCH", path, {"priority": "HIGH"})
        await ann.ask("PATCH", path, {"title": "bread"})
        await ann.ask("POST", f"{path}:start")
        await ann.ask("PATCH", path, {"title": "beer"})
        await ann.ask("POST", f"{path}:complete")
        await ann.ask("POST", f"{path}:reopen")
        await ann.ask("DELETE", path)
        told = await heard(stream, task, 5)
    assert [(event.type, event.transition) for event in told] == [
        ("task.updated", Event.ENTER),
        ("task.updated", Event.CHANGE),
        ("task.started", Event.LEAVE),
        ("task.reopened", Event.ENTER),
        ("task.deleted", Event.LEAVE),
    ]


async def test_a_browser_that_never_reads_holds_up_nobody_and_misses_nothing(
    system: System, http: aiohttp.ClientSession, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    headers = {"Authorization": f"Bearer {ann.token}"}
    project = ann.user["personalProjectId"]
    url = f"{system.http_url}/v1/events"
    async with http.ws_connect(url, headers=headers) as stuck, http.ws_connect(url, headers=headers) as quick:
        for socket in (stuck, quick):
            await socket.send_json({"subscribe": {"id": "s", "project": project}})
        titles = [f"task {number}" for number in range(800)]
        for begun in range(0, len(titles), 50):  # in all, much more than the buffers in between hold
            requests = [{"task": {"title": title, "description": "x" * 16_000}} for title in titles[begun : begun + 50]]
            assert (await ann.ask("POST", "/v1/tasks:batchCreate", {"requests": requests})).status == 200
        for socket in (quick, stuck):
            seen: list[str] = []
            while len(seen) < len(titles):
                told = await socket.receive_json(timeout=60)
                seen += [event["task"]["title"] for event in told.get("events", {}).get("events", ())]
            assert sorted(seen) == sorted(titles)


async def test_a_ticket_opens_one_stream_of_a_browser_until_its_maker_logs_out_and_no_log_shows_it(
    system: System, http: aiohttp.ClientSession, newcomer: Newcomer
) -> None:
    ann = await newcomer()
    ticket = await ann.make("/v1/events:ticket")
    url = f"{system.http_url}/v1/events?ticket={ticket['ticket']}"
    async with http.ws_connect(url) as socket:
        assert (await socket.receive_json(timeout=60))["welcome"] == {"userId": ann.id}
        async with http.get(url, headers={"Accept": "text/event-stream"}) as again:
            assert again.status == 401
            assert (await again.json())["details"][0]["reason"] == "TICKET_INVALID"
        await ann.ask("DELETE", "/v1/sessions/current")
        assert (await socket.receive_json(timeout=PROMISED))["error"]["code"] == "SESSION_ENDED"
        await socket.receive(timeout=30)
        assert socket.close_code == 4401
    if isinstance(system, Stack):
        for process in system.services:
            log = await asyncio.to_thread(process.log_path.read_bytes)
            assert ticket["ticket"].encode() not in log
