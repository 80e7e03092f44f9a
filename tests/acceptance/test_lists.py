"""Every list takes pageSize, pageToken, orderBy and filter, and refuses what it can't read by the field's name."""

from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from google.protobuf.message import Message
from taskbell.comments.v1.comments_pb2 import ListCommentsRequest
from taskbell.notifications.v1.deliveries_pb2 import ListDeliveriesRequest as ListMailsRequest
from taskbell.notifications.v1.notifications_pb2 import ListNotificationsRequest
from taskbell.projects.v1.projects_pb2 import ListProjectsRequest
from taskbell.tasks.v1.tasks_pb2 import ListTaskHistoryRequest, ListTasksRequest, SearchTasksRequest
from taskbell.webhooks.v1.webhooks_pb2 import ListDeliveriesRequest, ListWebhooksRequest

from chassis import pages
from tests.acceptance.conftest import Answer, Newcomer, Person


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def owner(newcomer: Newcomer) -> Person:
    """Has four projects, of which one has four members; four tokens and four queues."""
    person = await newcomer()
    for title in ("b", "c", "a"):
        await person.make("/v1/projects", title=title)
        await person.make("/v1/tokens", name=title, scopes=["tasks:read" if title == "b" else "queues:work"])
        await person.make("/v1/tasks", title=title, queue=title)
    await person.make("/v1/tokens", name="d", scopes=["account"], expireTime="2100-01-01T00:00:00Z")
    await person.ask("PATCH", "/v1/queues/d", {"maxConcurrency": 7})
    return person


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def lists(owner: Person, newcomer: Newcomer) -> dict[str, str]:
    """Where each list is."""
    project = await owner.make("/v1/projects", title="d")
    for role in ("EDITOR", "VIEWER", "VIEWER"):
        other = await newcomer()
        await owner.make(f"/v1/projects/{project['id']}/members", userId=other.id, role=role)
    return {
        "projects": "/v1/projects",
        "members": f"/v1/projects/{project['id']}/members",
        "tokens": "/v1/tokens",
        "queues": "/v1/queues",
    }


LISTS = ["projects", "members", "tokens", "queues"]


async def listed(owner: Person, path: str, **query: Any) -> Answer:
    return await owner.ask("GET", f"{path}?{urlencode(query)}")


@pytest.mark.parametrize(
    ("name", "order", "key"),
    [
        ("projects", "title", "title"),
        ("projects", "title desc", "title"),
        ("projects", "createTime desc,title", "createTime"),
        ("members", "username desc", "username"),
        ("members", "user", "userId"),
        ("tokens", "name", "name"),
        ("tokens", "create_time", "createTime"),
        ("queues", "name desc", "name"),
    ],
)
async def test_a_list_comes_in_the_order_that_is_asked_for_page_after_page(
    owner: Person, lists: dict[str, str], name: str, order: str, key: str
) -> None:
    values: list[str] = []
    token = ""
    while True:
        page = (await listed(owner, lists[name], orderBy=order, pageSize=2, pageToken=token)).body
        assert 1 <= len(page[name]) <= 2
        values += [each[key] for each in page[name]]
        token = page["nextPageToken"]
        if not token:
            break
    assert values == sorted(values, reverse="desc" in order)
    assert len(values) == len(set(values)) == len((await listed(owner, lists[name])).body[name]) >= 4


async def test_what_expires_comes_before_what_never_does(owner: Person, lists: dict[str, str]) -> None:
    names: list[str] = []
    token = ""
    while not names or token:
        page = await listed(owner, lists["tokens"], orderBy="expireTime,name", pageSize=1, pageToken=token)
        names += [each["name"] for each in page.body["tokens"]]
        token = page.body["nextPageToken"]
    assert names == ["d", "a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "filter_", "key", "values"),
    [
        ("projects", 'title = "b"', "title", {"b"}),
        ("projects", "a OR c", "title", {"a", "c"}),
        ("projects", "role < OWNER", "title", set()),
        ("members", "role = EDITOR", "role", {"EDITOR"}),
        ("members", "user_id = me", "role", {"OWNER"}),
        ("members", "role >= EDITOR", "role", {"OWNER", "EDITOR"}),
        ("tokens", 'scopes:"queues:work"', "name", {"a", "c"}),
        ("tokens", "expireTime:*", "name", {"d"}),
        ("queues", "max_concurrency > 5", "name", {"d"}),
        ("queues", "-name = d AND -pause_time:*", "name", {"a", "b", "c"}),
    ],
)
async def test_a_list_has_what_its_filter_names(
    owner: Person, lists: dict[str, str], name: str, filter_: str, key: str, values: set[str]
) -> None:
    answer = await listed(owner, lists[name], filter=filter_)
    assert answer.status == 200, answer
    assert {each[key] for each in answer.body[name]} == values


async def test_a_page_token_that_was_made_up_is_refused(owner: Person) -> None:
    task = await owner.make("/v1/tasks", title="for its lists")
    project = task["projectId"]
    webhook = await owner.make(f"/v1/projects/{project}/webhooks", url="https://example.com/")
    hooks = f"/v1/projects/{project}/webhooks"
    lists: list[tuple[str, Message]] = [
        ("/v1/tasks", ListTasksRequest()),
        ("/v1/tasks:search?query=x", SearchTasksRequest(query="x")),
        ("/v1/projects", ListProjectsRequest()),
        (f"/v1/tasks/{task['id']}/history", ListTaskHistoryRequest(id=task["id"])),
        (f"/v1/tasks/{task['id']}/comments", ListCommentsRequest(task_id=task["id"])),
        ("/v1/notifications", ListNotificationsRequest()),
        ("/v1/deliveries", ListMailsRequest()),
        (hooks, ListWebhooksRequest(project_id=project)),
        (f"{hooks}/{webhook['id']}/deliveries", ListDeliveriesRequest(project_id=project, webhook_id=webhook["id"])),
    ]
    for path, request in lists:
        for position in ("no id", ["no time", "no id"], [True, "no score", "no id"], 2**70, None):
            token = pages.encode(position, request)
            answer = await owner.ask("GET", f"{path}{'&' if '?' in path else '?'}pageToken={token}")
            assert (answer.status, answer.reason) == (400, "INVALID_PAGE_TOKEN"), (path, position, answer)
            assert "another version" in answer.body["message"], "its digest is right"


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("query", "reason", "field"),
    [
        ({"orderBy": "colour"}, "INVALID_ORDER_BY", "order_by"),
        ({"orderBy": "create_time up"}, "INVALID_ORDER_BY", "order_by"),
        ({"orderBy": "create_time,createTime"}, "INVALID_ORDER_BY", "order_by"),
        ({"filter": "colour = red"}, "INVALID_FILTER", "filter"),
        ({"filter": "("}, "INVALID_FILTER", "filter"),
        ({"pageToken": "x"}, "INVALID_PAGE_TOKEN", "page_token"),
        ({"pageSize": -1}, "INVALID_FIELD", "page_size"),
    ],
)
async def test_a_list_refuses_what_it_can_not_read(
    owner: Person, lists: dict[str, str], name: str, query: dict[str, Any], reason: str, field: str
) -> None:
    answer = await listed(owner, lists[name], **query)
    assert (answer.status, answer.reason) == (400, reason), answer
    [bad] = [detail for detail in answer.body["details"] if detail["@type"].endswith("BadRequest")]
    assert [violation["field"] for violation in bad["fieldViolations"]] == [field]


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_token_belongs_to_one_order_and_one_filter(
    owner: Person, lists: dict[str, str], name: str
) -> None:
    token = (await listed(owner, lists[name], pageSize=1)).body["nextPageToken"]
    for other in ({"orderBy": "create_time"}, {"filter": "-create_time < 2000-01-01T00:00:00Z"}):
        answer = await listed(owner, lists[name], pageSize=1, pageToken=token, **other)
        assert (answer.status, answer.reason) == (400, "INVALID_PAGE_TOKEN"), answer


@pytest.mark.parametrize(("order", "backwards"), [("", True), ("time desc", True), ("time", False)])
async def test_a_history_is_read_from_either_end(owner: Person, order: str, backwards: bool) -> None:
    task = await owner.make("/v1/tasks", title="milk")
    await owner.make(f"/v1/tasks/{task['id']}:complete")
    await owner.make(f"/v1/tasks/{task['id']}:reopen")
    types: list[str] = []
    token = ""
    while len(types) < 3:
        page = await listed(owner, f"/v1/tasks/{task['id']}/history", orderBy=order, pageSize=2, pageToken=token)
        types += [change["type"] for change in page.body["history"]]
        token = page.body["nextPageToken"]
    assert not token
    there = ["task.created", "task.completed", "task.reopened"]
    assert types == (there[::-1] if backwards else there)


@pytest.mark.parametrize("path", ["/v1/notifications", "/v1/tasks/{task}/history", "/v1/tasks/{task}/comments"])
async def test_a_list_in_the_order_of_time_has_no_other_one(owner: Person, path: str) -> None:
    task = await owner.make("/v1/tasks", title="milk")
    answer = await listed(owner, path.format(task=task["id"]), orderBy="title")
    assert (answer.status, answer.reason) == (400, "INVALID_ORDER_BY"), answer
