"""The main job: a change made at one door is seen at every other, live and in the mailbox."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
import pytest
from taskbell.notifications.v1 import notifications_pb2 as live
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceStub
from taskbell.tasks.v1.tasks_pb2 import CompleteTaskRequest, GetTaskRequest

from tests.acceptance.conftest import Json, Newcomer, Person
from tests.acceptance.system import System

if TYPE_CHECKING:
    from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceAsyncStub  # in the stub file only


@asynccontextmanager
async def websocket(person: Person) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """The live stream as a browser opens it: it can't set headers, so the token goes in the first frame."""
    async with person.http.ws_connect(person.url + "/v1/events") as socket:
        await socket.send_json({"hello": {"token": person.token}})
        assert "welcome" in await socket.receive_json()
        yield socket


async def frame(socket: aiohttp.ClientWebSocketResponse, kind: str) -> Json:
    """The next frame of a kind."""
    async with asyncio.timeout(60):
        while True:
            message = await socket.receive_json()
            if kind in message:
                return dict(message[kind])


async def unread(socket: aiohttp.ClientWebSocketResponse, count: int) -> None:
    """Waits until the inbox says that so many are unread; it may say the same more than once."""
    while (await frame(socket, "inbox"))["unread"] != count:
        pass


async def mail_to(system: System, http: aiohttp.ClientSession, person: Person, count: int) -> list[Json]:
    """The mails that a person has got, once there are `count`."""
    async with asyncio.timeout(60):
        while True:
            async with http.get(system.mail_url + "/api/v1/messages", params={"limit": "500"}) as response:
                messages = (await response.json())["messages"]
            mine = [m for m in messages if m["To"][0]["Address"] == person.user["email"]]
            if len(mine) >= count:
                return mine
            await asyncio.sleep(0.05)  # the mail server's API has no event to wait for


async def shared_project(owner: Person, member: Person) -> str:
    project = await owner.make("/v1/projects", title="Moving house")
    await owner.make(f"/v1/projects/{project['id']}/members", username=member.username, role="EDITOR")
    return str(project["id"])


async def test_a_change_over_grpc_reaches_websocket_sse_and_mailbox(
    system: System, http: aiohttp.ClientSession, newcomer: Newcomer, tasks: "TaskServiceAsyncStub"
) -> None:
    ann, bob = await newcomer(), await newcomer()
    project = await shared_project(ann, bob)
    async with websocket(ann) as socket:
        await socket.send_json({"subscribe": {"id": "s1", "project": project}})
        assert (await frame(socket, "subscribed"))["id"] == "s1"
        task = await ann.make("/v1/tasks", title="Book the van", projectId=project, assigneeId=bob.id)
        done = await tasks.CompleteTask(CompleteTaskRequest(id=task["id"]), metadata=bob.metadata)
        seen: list[Json] = []
        while len(seen) < 2:
            events = (await frame(socket, "events"))["events"]
            # That bob became a member may be told too: it was committed before, and published about now.
            seen += [event for event in events if event.get("taskId")]
    assert [event["type"] for event in seen] == ["task.created", "task.completed"]
    assert [event["taskVersion"] for event in seen] == [1, done.version]
    assert seen[1]["actorId"] == bob.id
    assert seen[1]["task"]["status"] == "COMPLETED"
    assert "status" in seen[1]["changedFields"]
    assert (await ann.ask("GET", f"/v1/tasks/{task['id']}")).body["status"] == "COMPLETED"

    [to_ann] = await mail_to(system, http, ann, 1)
    assert "Book the van" in to_ann["Subject"]
    async with http.get(f"{system.mail_url}/api/v1/message/{to_ann['ID']}") as response:
        mail = await response.json()
    assert "Book the van" in mail["Text"]


async def test_a_grpc_stream_tells_of_a_change_over_rest(system: System, newcomer: Newcomer) -> None:
    ann = await newcomer()
    task = await ann.make("/v1/tasks", title="milk")
    async with grpc.aio.insecure_channel(system.notify_address) as channel:
        stream = NotificationServiceStub(channel).Connect(metadata=ann.metadata)
        answers = aiter(stream)
        assert (await anext(answers)).HasField("welcome")
        await stream.write(live.ConnectRequest(subscribe=live.Subscribe(id="all")))
        assert (await anext(answers)).subscribed.id == "all"
        await ann.ask("PATCH", f"/v1/tasks/{task['id']}", {"title": "oat milk"})
        # "From now" is about the stream: what was committed just before may still be on its way there.
        while (event := (await anext(answers)).events.events[-1]).type != "task.updated":
            pass
        assert (event.task.title, list(event.changed_fields)) == ("oat milk", ["title"])
        stream.cancel()


async def test_a_client_that_was_away_gets_just_what_it_missed(system: System, newcomer: Newcomer) -> None:
    ann = await newcomer()
    project = ann.user["personalProjectId"]
    async with websocket(ann) as socket:
        await socket.send_json({"subscribe": {"id": "s", "project": project}})
        head = (await frame(socket, "subscribed"))["head"]
    titles = [f"task {n}" for n in range(20)]
    for title in titles:
        await ann.make("/v1/tasks", title=title)
    async with websocket(ann) as socket:
        await socket.send_json({"subscribe": {"id": "s", "project": project, "after": head}})
        assert (await frame(socket, "subscribed"))["recovered"] is True
        seen: list[str] = []
        while len(seen) < len(titles):
            seen += [event["task"]["title"] for event in (await frame(socket, "events"))["events"]]
    # Each task's events are in order; which of two tasks is told first is left to the replicas that publish them.
    assert sorted(seen) == sorted(titles)


async def test_server_sent_events_resume_after_their_last_id(newcomer: Newcomer) -> None:
    ann = await newcomer()
    headers = {"Authorization": f"Bearer {ann.token}", "Accept": "text/event-stream"}

    async def events(last: str | None, count: int, change: Any = None) -> list[dict[str, str]]:
        resume = {"Last-Event-ID": last} if last else {}
        async with ann.http.get(ann.url + "/v1/events", headers={**headers, **resume}) as response, asyncio.timeout(60):
            assert response.headers["Content-Type"].startswith("text/event-stream")
            if change:
                await change
            found: list[dict[str, str]] = []
            fields: dict[str, str] = {}
            while len(found) < count:
                line = (await response.content.readline()).decode().rstrip("\n")
                if not line and "data" in fields:
                    found.append(fields)
                    fields = {}
                elif ": " in line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
            return found

    [first] = await events(None, 1, ann.make("/v1/tasks", title="one"))
    assert first["event"] == "task.created"
    assert json.loads(first["data"])["cursor"] == first["id"]
    await ann.make("/v1/tasks", title="two")
    await ann.make("/v1/tasks", title="three")
    missed = await events(first["id"], 2)
    assert {json.loads(event["data"])["task"]["title"] for event in missed} == {"two", "three"}


async def test_whoever_leaves_a_project_hears_no_more_of_it(newcomer: Newcomer) -> None:
    ann, bob = await newcomer(), await newcomer()
    project = await shared_project(ann, bob)
    async with websocket(bob) as socket:
        await socket.send_json({"subscribe": {"id": "s", "project": project}})
        await frame(socket, "subscribed")
        await ann.ask("DELETE", f"/v1/projects/{project}/members/{bob.id}")
        error = await frame(socket, "error")
    assert (error["id"], error["code"]) == ("s", "PROJECT_NOT_FOUND")
    refused = await bob.ask("GET", f"/v1/tasks?projectId={project}")
    assert (refused.status, refused.reason) == (404, "PROJECT_NOT_FOUND")


async def test_the_inbox_counts_what_concerns_a_person(newcomer: Newcomer) -> None:
    ann, bob = await newcomer(), await newcomer()
    project = await shared_project(ann, bob)
    async with websocket(bob) as socket:
        await socket.send_json({"subscribe": {"id": "in", "inbox": True}})
        await unread(socket, 0)
        task = await ann.make("/v1/tasks", title="Pack the books", projectId=project, assigneeId=bob.id)
        await unread(socket, 1)
        inbox = (await bob.ask("GET", "/v1/notifications")).body
        assert inbox["unreadCount"] == 1
        [notification] = inbox["notifications"]
        assert (notification["reason"], notification["event"]["taskId"]) == ("ASSIGNED", task["id"])
        marked = await bob.ask("POST", "/v1/notifications:mark", {"ids": [notification["id"]], "state": "READ"})
        assert marked.body["unreadCount"] == 0
        await unread(socket, 0)
        [read] = (await bob.ask("GET", "/v1/notifications")).body["notifications"]
        assert read["etag"] != notification["etag"]
    foreign = await ann.ask("POST", "/v1/notifications:mark", {"ids": [notification["id"]], "state": "READ"})
    assert (foreign.status, foreign.reason) == (404, "NOTIFICATION_NOT_FOUND")


async def test_after_log_out_the_token_is_refused_at_every_door(
    system: System, newcomer: Newcomer, tasks: "TaskServiceAsyncStub"
) -> None:
    ann = await newcomer()
    task = await ann.make("/v1/tasks", title="secret")
    async with websocket(ann) as socket:
        await socket.send_json({"subscribe": {"id": "s"}})
        await frame(socket, "subscribed")
        assert (await ann.ask("DELETE", "/v1/sessions/current")).status == 200
        async with asyncio.timeout(5):
            while not (await socket.receive()).type.name.startswith("CLOS"):
                pass
    refused = await ann.ask("GET", f"/v1/tasks/{task['id']}")
    assert (refused.status, refused.reason) == (401, "SESSION_ENDED")
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await tasks.GetTask(GetTaskRequest(id=task["id"]), metadata=ann.metadata)
    assert failure.value.code() == grpc.StatusCode.UNAUTHENTICATED
    inbox = await ann.ask("GET", "/v1/notifications")
    assert (inbox.status, inbox.reason) == (401, "SESSION_ENDED")
