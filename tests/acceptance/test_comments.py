"""Comments as their clients over REST rely on them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from aiohttp import ClientWebSocketResponse

from tests.acceptance.conftest import Json, Newcomer, Person


@pytest.fixture
async def bob(ann: Person, newcomer: Newcomer, project: Json) -> Person:
    bob = await newcomer()
    await ann.make(f"/v1/projects/{project['id']}/members", username=bob.username, role="EDITOR")
    return bob


@pytest.fixture
async def project(ann: Person) -> Json:
    return await ann.make("/v1/projects", title="house")


@pytest.fixture
async def path(ann: Person, project: Json) -> str:
    """Where a task's comments are."""
    task = await ann.make("/v1/tasks", title="paint", projectId=project["id"])
    return f"/v1/tasks/{task['id']}/comments"


async def test_a_comment_through_its_life(ann: Person, bob: Person, path: str) -> None:
    comment = await bob.make(path, text="Which **colour**?")
    assert (comment["text"], comment["authorId"]) == ("Which **colour**?", bob.id)
    assert {"id", "taskId", "projectId", "createTime", "updateTime", "etag"} <= set(comment)
    where = f"{path}/{comment['id']}"
    read = await ann.ask("GET", where)
    assert (read.body, read.headers["ETag"]) == (comment, f'"{comment["etag"]}"')
    changed = await bob.ask("PATCH", where, {"text": "What colour?"}, If_Match=read.headers["ETag"])
    assert (changed.status, changed.body["text"]) == (200, "What colour?")
    stale = await bob.ask("DELETE", where, If_Match=read.headers["ETag"])
    assert (stale.status, stale.reason) == (412, "ETAG_MISMATCH")
    assert (await bob.ask("DELETE", where)).body == {}
    gone = await bob.ask("GET", where)
    assert (gone.status, gone.reason) == (404, "COMMENT_NOT_FOUND")


async def test_a_repeat_with_the_same_key_says_it_once(bob: Person, path: str) -> None:
    first = await bob.ask("POST", path, {"text": "once"}, Idempotency_Key="say-once")
    again = await bob.ask("POST", path, {"text": "once"}, Idempotency_Key="say-once")
    assert first.body == again.body
    listed = await bob.ask("GET", path)
    assert listed.body == {"comments": [first.body], "nextPageToken": ""}


async def test_a_list_comes_in_pages_from_either_end(ann: Person, bob: Person, path: str) -> None:
    for text in ("a", "b", "c"):
        await (ann if text == "b" else bob).make(path, text=text)
    first = (await ann.ask("GET", f"{path}?pageSize=2")).body
    rest = (await ann.ask("GET", f"{path}?pageSize=2&pageToken={first['nextPageToken']}")).body
    assert [comment["text"] for comment in first["comments"] + rest["comments"]] == ["a", "b", "c"]
    newest = (await ann.ask("GET", f"{path}?pageSize=1&orderBy=create_time%20desc")).body
    assert [comment["text"] for comment in newest["comments"]] == ["c"]


async def test_what_is_refused_says_why(ann: Person, bob: Person, newcomer: Newcomer, path: str) -> None:
    comment = await ann.make(path, text="mine")
    where = f"{path}/{comment['id']}"
    stranger = await newcomer()
    blank = await bob.ask("POST", path, {"text": " "})
    assert (blank.status, blank.reason) == (400, "INVALID_FIELD")
    assert "comment.text" in str(blank.body["details"])
    for refused, status, reason in (
        (await bob.ask("PATCH", where, {"text": "not mine"}), 403, "AUTHOR_REQUIRED"),
        (await bob.ask("POST", path, {"words": "x"}), 400, "UNKNOWN_FIELD"),
        (await bob.ask("GET", f"{path}?orderBy=text"), 400, "INVALID_ORDER_BY"),
        (await bob.ask("GET", f"{path}/42"), 400, "INVALID_FIELD"),
        (await stranger.ask("GET", path), 404, "TASK_NOT_FOUND"),
        (await stranger.ask("POST", path, {"text": "hi"}), 404, "TASK_NOT_FOUND"),
    ):
        assert (refused.status, refused.reason) == (status, reason)


async def test_a_token_for_reading_tasks_reads_comments_and_writes_none(ann: Person, path: str) -> None:
    token = await ann.make("/v1/tokens", name="reader", scopes=["tasks:read"])
    program = Person(ann.http, ann.url, ann.user, token["secret"])
    assert (await program.ask("GET", path)).status == 200
    refused = await program.ask("POST", path, {"text": "no"})
    assert (refused.status, refused.reason) == (403, "SCOPE_MISSING")


async def test_who_is_named_or_commented_before_finds_it_in_the_inbox_and_puts_it_away_by_task(
    ann: Person, newcomer: Newcomer, project: Json, path: str
) -> None:
    cleo = await newcomer()
    await ann.make(f"/v1/projects/{project['id']}/members", username=cleo.username, role="EDITOR")
    async with listening(cleo) as heard:
        first = await ann.make(path, text=f"@{cleo.username}, which colour?")
        await heard.unread(1)
        await cleo.make(path, text="White")
        second = await ann.make(path, text="White it is")
        await heard.unread(2)
        await heard.comments(2)
        assert [event["comment"] for event in heard.events] == [first, second]
        assert [event["mentionedIds"] for event in heard.events] == [[cleo.id], []]
        of_task = f'task = "{first["taskId"]}"'
        listed = (await cleo.ask("GET", f"/v1/notifications?filter={quote(of_task)}")).body
        assert [each["reason"] for each in listed["notifications"]] == ["COMMENTED", "MENTIONED"]
        mentions = (await cleo.ask("GET", f"/v1/notifications?filter={quote(f'{of_task} reason = MENTIONED')}")).body
        assert [each["event"]["comment"] for each in mentions["notifications"]] == [first]
        marked = await cleo.make("/v1/notifications:mark", filter=of_task, state="ARCHIVED")
        assert marked["unreadCount"] == 0
        await heard.unread(0)
    refused = await cleo.ask("GET", "/v1/notifications?filter=status%3DPENDING")
    assert (refused.status, refused.reason) == (400, "INVALID_FILTER")


class Heard:
    """What a subscription to the inbox brings, in whatever order it comes."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._unread = -1
        self.events: list[Json] = []

    async def unread(self, count: int) -> None:
        await self._until(lambda: self._unread == count)

    async def comments(self, count: int) -> None:
        await self._until(lambda: len(self.events) == count)

    async def _until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not reached():
                message: Json = await self._socket.receive_json()
                self.events += message.get("events", {}).get("events", [])
                self._unread = message.get("inbox", {}).get("unread", self._unread)


@asynccontextmanager
async def listening(person: Person) -> AsyncIterator[Heard]:
    headers = {"Authorization": f"Bearer {person.token}"}
    async with person.http.ws_connect(f"{person.url}/v1/events", headers=headers) as socket:
        await socket.send_json({"subscribe": {"id": "in", "inbox": True}})
        heard = Heard(socket)
        await heard.unread(0)
        yield heard
