"""The REST surface as its clients rely on it."""

import asyncio
import uuid

import pytest

from tests.acceptance.conftest import PASSWORD, Newcomer, Person


async def test_an_account_from_registration_to_log_out(newcomer: Newcomer) -> None:
    ann = await newcomer()
    me = (await ann.ask("GET", "/v1/users/me")).body
    assert (me["username"], me["email"]) == (ann.username, ann.user["email"])
    session = await ann.make("/v1/sessions", username=ann.username, password=PASSWORD)
    assert session["expiresIn"] == 900
    assert session["user"]["id"] == ann.id
    fresh = await ann.make("/v1/sessions:refresh", refreshToken=session["refreshToken"])
    reused = await ann.ask("POST", "/v1/sessions:refresh", {"refreshToken": session["refreshToken"]})
    assert (reused.status, reused.reason) == (401, "REFRESH_TOKEN_REUSED")
    ended = await ann.ask("POST", "/v1/sessions:refresh", {"refreshToken": fresh["refreshToken"]})
    assert ended.status == 401
    assert (await ann.ask("DELETE", "/v1/sessions/current")).status == 200


async def test_names_and_addresses_are_taken_once(ann: Person) -> None:
    same_name = await ann.ask(
        "POST", "/v1/users", {"username": ann.username, "email": "other@example.com", "password": PASSWORD}
    )
    assert (same_name.status, same_name.reason) == (409, "USERNAME_TAKEN")
    same_mail = await ann.ask(
        "POST", "/v1/users", {"username": "other-name", "email": ann.user["email"].upper(), "password": PASSWORD}
    )
    assert (same_mail.status, same_mail.reason) == (409, "EMAIL_TAKEN")


async def test_an_api_token_does_what_its_scopes_say_and_no_more(ann: Person) -> None:
    token = await ann.make("/v1/tokens", name="ci", scopes=["tasks:read"])
    program = Person(ann.http, ann.url, ann.user, token["secret"])
    assert (await program.ask("GET", "/v1/tasks")).status == 200
    refused = await program.ask("POST", "/v1/tasks", {"title": "no"})
    assert (refused.status, refused.reason) == (403, "SCOPE_MISSING")
    listed = {entry["id"]: entry for entry in (await ann.ask("GET", "/v1/tokens")).body["tokens"]}
    assert listed[token["id"]]["name"] == "ci"
    assert [entry for entry in listed.values() if entry.get("secret")] == []
    assert (await ann.ask("DELETE", f"/v1/tokens/{token['id']}")).status == 200
    assert (await program.ask("GET", "/v1/tasks")).status == 401


async def test_a_task_through_its_life(ann: Person) -> None:
    task = await ann.make("/v1/tasks", title="Buy paint", labels=["home", "home", "diy"], priority="HIGH")
    assert task["status"] == "PENDING"
    assert task["labels"] == ["home", "diy"]
    assert task["projectId"] == ann.user["personalProjectId"]
    path = f"/v1/tasks/{task['id']}"
    edited = (await ann.ask("PATCH", path, {"description": "white", "dueTime": "2027-01-02T03:04:05Z"})).body
    assert (edited["description"], edited["dueTime"], edited["version"]) == ("white", "2027-01-02T03:04:05Z", 2)
    cleared = (await ann.ask("PATCH", path, {"dueTime": None})).body
    assert "dueTime" not in cleared
    assert cleared["description"] == "white"
    for action, status in [
        ("start", "IN_PROGRESS"),
        ("complete", "COMPLETED"),
        ("reopen", "PENDING"),
        ("cancel", "CANCELLED"),
    ]:
        assert (await ann.ask("POST", f"{path}:{action}")).body["status"] == status
    again = await ann.ask("POST", f"{path}:cancel", {})
    assert (again.status, again.reason) == (400, "ILLEGAL_TRANSITION")
    deleted = (await ann.ask("DELETE", path)).body
    assert deleted["deleteTime"]
    assert (await ann.ask("GET", path)).status == 404
    assert (await ann.ask("POST", f"{path}:restore", {})).body["title"] == "Buy paint"
    history = (await ann.ask("GET", f"{path}/history")).body["history"]
    assert [change["type"] for change in history] == [
        "task.restored",
        "task.deleted",
        "task.cancelled",
        "task.reopened",
        "task.completed",
        "task.started",
        "task.updated",
        "task.updated",
        "task.created",
    ]
    assert history[-2]["changedFields"] == ["description", "due_time"]


async def test_null_clears_in_a_batch_as_in_a_patch(ann: Person) -> None:
    task = await ann.make("/v1/tasks", title="one", labels=["a"], dueTime="2030-01-01T00:00:00Z", description="d")
    cleared = {"task": {"id": task["id"], "labels": None, "dueTime": None}}
    changed = (await ann.ask("POST", "/v1/tasks:batchUpdate", {"requests": [cleared]})).body["tasks"][0]
    assert "dueTime" not in changed
    assert (changed["labels"], changed["title"], changed["description"]) == ([], "one", "d")


async def test_what_the_server_owns_is_ignored_in_input(ann: Person) -> None:
    owned = {"id": "mine", "status": "COMPLETED", "version": 9, "creatorId": "me", "createTime": "2001-01-01T00:00:00Z"}
    task = await ann.make("/v1/tasks", title="mine", **owned)
    assert (task["status"], task["version"], task["creatorId"]) == ("PENDING", 1, ann.id)
    sent_back = await ann.ask("PATCH", f"/v1/tasks/{task['id']}", {**task, "status": "FAILED", "title": "ours"})
    assert (sent_back.body["status"], sent_back.body["title"]) == ("PENDING", "ours")


async def test_an_etag_guards_against_lost_updates(ann: Person) -> None:
    task = await ann.make("/v1/tasks", title="one")
    path = f"/v1/tasks/{task['id']}"
    read = await ann.ask("GET", path)
    tag = read.headers["ETag"]
    assert (await ann.ask("GET", path, If_None_Match=tag)).status == 304
    assert (await ann.ask("PATCH", path, {"title": "two"}, If_Match=tag)).status == 200
    stale = await ann.ask("PATCH", path, {"title": "three"}, If_Match=tag)
    assert (stale.status, stale.reason) == (412, "ETAG_MISMATCH")
    assert (await ann.ask("GET", path, If_None_Match=tag)).body["title"] == "two"


async def test_a_repeat_with_the_same_key_gets_the_first_answer(ann: Person) -> None:
    key = str(uuid.uuid4())
    first, twin = await asyncio.gather(
        *(ann.ask("POST", "/v1/tasks", {"title": "once"}, Idempotency_Key=key) for _ in range(2))
    )
    assert first.body == twin.body
    other = await ann.ask("POST", "/v1/tasks", {"title": "other"}, Idempotency_Key=key)
    assert (other.status, other.reason) == (400, "REQUEST_ID_REUSED")


async def test_lists_come_in_pages_filtered_and_ordered(newcomer: Newcomer) -> None:
    ann = await newcomer()
    requests = [
        {"task": {"title": f"t{n}", "priority": "URGENT" if n % 2 else "LOW", "labels": [f"l{n}"]}} for n in range(9)
    ]
    made = (await ann.ask("POST", "/v1/tasks:batchCreate", {"requests": requests})).body["tasks"]
    assert [task["title"] for task in made] == [f"t{n}" for n in range(9)]
    titles: list[str] = []
    token = ""
    while True:
        page = (await ann.ask("GET", f"/v1/tasks?pageSize=4&orderBy=priority desc,title&pageToken={token}")).body
        titles += [task["title"] for task in page["tasks"]]
        if not (token := page["nextPageToken"]):
            break
    assert titles == ["t1", "t3", "t5", "t7", "t0", "t2", "t4", "t6", "t8"]
    found = (await ann.ask("GET", '/v1/tasks?filter=priority%3DURGENT AND (labels:"l3" OR labels:"l5")')).body["tasks"]
    assert sorted(task["title"] for task in found) == ["t3", "t5"]
    mine = (await ann.ask("GET", "/v1/users/me/tasks?pageSize=1000")).body["tasks"]
    assert len(mine) == 9


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("книга", "Купить новые книги"),
        ("painting", "Paint the kitchen walls"),
        ("kichen", "Paint the kitchen walls"),
        ("кух", "Кухонный стол собрать"),
    ],
    ids=["russian word form", "english word form", "misspelling", "beginning of a word"],
)
async def test_search_finds_words_as_people_type_them(newcomer: Newcomer, query: str, title: str) -> None:
    ann = await newcomer()
    for each in ("Купить новые книги", "Paint the kitchen walls", "Кухонный стол собрать", "Call the plumber"):
        await ann.make("/v1/tasks", title=each)
    results = (await ann.ask("GET", f"/v1/tasks:search?query={query}")).body["results"]
    assert [result["task"]["title"] for result in results] == [title]
    pieces = results[0]["snippet"]["title"]
    assert "".join(piece["text"] for piece in pieces) == title
    assert any(piece["hit"] for piece in pieces)


async def test_roles_say_what_a_member_may_do(newcomer: Newcomer) -> None:
    ann, bob = await newcomer(), await newcomer()
    project = await ann.make("/v1/projects", title="Shared")
    path = f"/v1/projects/{project['id']}"
    assert (await bob.ask("GET", path)).status == 404
    member = await ann.make(f"{path}/members", userId=bob.id, role="VIEWER")
    assert (member["username"], member["role"]) == (bob.username, "VIEWER")
    assert (await bob.ask("GET", path)).body["role"] == "VIEWER"
    refused = await bob.ask("POST", "/v1/tasks", {"title": "no", "projectId": project["id"]})
    assert (refused.status, refused.reason) == (403, "ROLE_TOO_LOW")
    await ann.ask("PATCH", f"{path}/members/{bob.id}", {"role": "EDITOR"})
    task = await bob.make("/v1/tasks", title="yes", projectId=project["id"])
    last = await ann.ask("DELETE", f"{path}/members/{ann.id}")
    assert (last.status, last.reason) == (400, "LAST_OWNER")
    assert (await ann.ask("DELETE", path)).body["deleteTime"]
    assert (await bob.ask("GET", f"/v1/tasks/{task['id']}")).status == 404
