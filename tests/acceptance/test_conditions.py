"""`ETag`, `If-None-Match`, `If-Match`: nobody is told that what changed did not, nor overwrites it unseen."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.conftest import Json, Newcomer, Person


async def read(person: Person, path: str) -> str:
    """The etag of what is there; whoever has it is told that nothing changed."""
    answer = await person.ask("GET", path)
    etag = answer.headers["ETag"]
    assert etag == f'"{answer.body["etag"]}"'
    return etag


async def differs(person: Person, path: str, etag: str) -> Json:
    answer = await person.ask("GET", path, If_None_Match=etag)
    assert answer.status == 200, "the reader has an old answer and is told that it is the newest one"
    assert answer.headers["ETag"] != etag
    return answer.body


async def test_a_queue_that_is_as_it_was_is_not_sent_again(ann: Person) -> None:
    name = f"q-{uuid4()}"
    await ann.make("/v1/tasks", title="t", queue=name)
    queue = f"/v1/queues/{name}"
    answer = await ann.ask("GET", queue, If_None_Match=await read(ann, queue))
    assert answer.status == 304


async def test_a_reader_is_told_of_what_waits_in_a_queue_and_of_its_pause(ann: Person) -> None:
    name = f"q-{uuid4()}"
    path = f"/v1/queues/{name}"
    await ann.ask("PATCH", path, {"maxConcurrency": 1})
    etag = await read(ann, path)
    await ann.make("/v1/tasks", title="t", queue=name)
    assert (await differs(ann, path, etag))["depth"]["waiting"] == "1"
    etag = await read(ann, path)
    await ann.ask("POST", f"{path}:pause", {})
    assert "pauseTime" in await differs(ann, path, etag)


async def test_a_queues_settings_are_changed_with_an_etag_from_before_a_task_came(ann: Person) -> None:
    name = f"q-{uuid4()}"
    path = f"/v1/queues/{name}"
    await ann.ask("PATCH", path, {"maxConcurrency": 1})
    etag = await read(ann, path)
    await ann.make("/v1/tasks", title="t", queue=name)
    assert (await ann.ask("PATCH", path, {"maxConcurrency": 2}, If_Match=etag)).status == 200
    assert (await ann.ask("PATCH", path, {"maxConcurrency": 3}, If_Match=etag)).status == 412


async def test_a_reader_is_told_of_another_role_in_a_project(ann: Person, bob: Person) -> None:
    project = await ann.make("/v1/projects", title="House")
    path = f"/v1/projects/{project['id']}"
    await ann.make(f"{path}/members", userId=bob.id, role="VIEWER")
    etag = await read(bob, path)
    await ann.ask("PATCH", f"{path}/members/{bob.id}", {"role": "EDITOR"})
    assert (await differs(bob, path, etag))["role"] == "EDITOR"


Change = Callable[[Person, Person], Awaitable[tuple[str, str, Any]]]


async def _project(ann: Person, _: Person) -> str:
    return f"/v1/projects/{(await ann.make('/v1/projects', title='House'))['id']}"


async def update_a_project(ann: Person, bob: Person) -> tuple[str, str, Any]:
    return "PATCH", await _project(ann, bob), {"title": "Garden"}


async def delete_a_project(ann: Person, bob: Person) -> tuple[str, str, Any]:
    return "DELETE", await _project(ann, bob), None


async def _member(ann: Person, bob: Person) -> str:
    project = await _project(ann, bob)
    await ann.make(f"{project}/members", userId=bob.id, role="VIEWER")
    return f"{project}/members/{bob.id}"


async def update_a_member(ann: Person, bob: Person) -> tuple[str, str, Any]:
    return "PATCH", await _member(ann, bob), {"role": "EDITOR"}


async def remove_a_member(ann: Person, bob: Person) -> tuple[str, str, Any]:
    return "DELETE", await _member(ann, bob), None


async def revoke_a_token(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "DELETE", f"/v1/tokens/{(await ann.make('/v1/tokens', name='ci', scopes=['account']))['id']}", None


async def _task(ann: Person) -> str:
    return f"/v1/tasks/{(await ann.make('/v1/tasks', title='milk'))['id']}"


async def update_a_task(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "PATCH", await _task(ann), {"title": "bread"}


async def complete_a_task(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "POST", f"{await _task(ann)}:complete", {}


async def delete_a_task(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "DELETE", await _task(ann), None


async def edit_a_comment(ann: Person, _: Person) -> tuple[str, str, Any]:
    comments = f"{await _task(ann)}/comments"
    return "PATCH", f"{comments}/{(await ann.make(comments, text='hm'))['id']}", {"text": "oh"}


async def _queue(ann: Person) -> str:
    path = f"/v1/queues/q-{uuid4()}"
    await ann.ask("PATCH", path, {"maxConcurrency": 1})
    return path


async def set_a_queue(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "PATCH", await _queue(ann), {"maxConcurrency": 2}


async def pause_a_queue(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "POST", f"{await _queue(ann)}:pause", {}


async def resume_a_queue(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "POST", f"{await _queue(ann)}:resume", {}


async def prefer(ann: Person, _: Person) -> tuple[str, str, Any]:
    return "PATCH", "/v1/notifications/preferences", {"language": "en"}


@pytest.mark.parametrize(
    "change",
    [
        *(update_a_project, delete_a_project, update_a_member, remove_a_member, revoke_a_token),
        *(update_a_task, complete_a_task, delete_a_task, edit_a_comment),
        *(set_a_queue, pause_a_queue, resume_a_queue, prefer),
    ],
)
async def test_a_change_of_another_state_than_the_callers_is_refused(change: Change, ann: Person, bob: Person) -> None:
    method, path, body = await change(ann, bob)
    refused = await ann.ask(method, path, body, If_Match='"stale"')
    assert (refused.status, refused.reason) == (412, "ETAG_MISMATCH"), refused
    current = f'"{refused.body["details"][0]["metadata"]["etag"]}"'
    assert (await ann.ask(method, path, body, If_Match=current)).status == 200


async def test_a_token_has_an_etag_where_it_is_made_and_where_it_is_listed(newcomer: Newcomer) -> None:
    carl = await newcomer()
    token = await carl.ask("POST", "/v1/tokens", {"name": "ci", "scopes": ["account"]})
    listed = await carl.ask("GET", "/v1/tokens")
    assert [each["etag"] for each in listed.body["tokens"]] == [token.headers["ETag"].strip('"')]
