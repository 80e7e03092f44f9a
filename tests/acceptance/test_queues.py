"""Workers that know nothing but HTTP, and what everybody else sees of their work."""

import asyncio

import pytest

from tests.acceptance.conftest import Answer, Json, Newcomer, Person
from tests.acceptance.test_main_job import frame, websocket


@pytest.fixture
async def ann(newcomer: Newcomer) -> Person:
    """Somebody with queues of her own."""
    return await newcomer()


async def add(person: Person, **task: object) -> Json:
    return await person.make("/v1/tasks", **{"title": "Resize a photo", "queue": "photos", **task})


async def lease(person: Person, **asked: object) -> Json:
    """The one lease that there is."""
    (found,) = (await person.make("/v1/queues/photos:lease", **asked))["leases"]
    return dict(found)


async def queue(person: Person) -> Json:
    return (await person.ask("GET", "/v1/queues/photos")).body


def named(answer: Answer) -> list[str]:
    """The fields that were refused."""
    return [each["field"] for detail in answer.body["details"] for each in detail.get("fieldViolations", [])]


async def test_a_worker_leases_reports_and_completes(ann: Person) -> None:
    task = await add(ann, payload={"width": 200}, priority="HIGH", maxAttempts=3)
    mine = await lease(ann, max=10, leaseDuration="30s", wait="5s", worker="crane")
    assert mine["task"]["id"] == task["id"]
    assert (mine["attempt"], mine["task"]["status"], mine["task"]["worker"]) == (1, "IN_PROGRESS", "crane")
    assert (mine["task"]["payload"], mine["expireTime"]) == ({"width": 200}, mine["task"]["leaseExpireTime"])
    path = f"/v1/leases/{mine['leaseId']}"
    halfway = await ann.make(f"{path}:progress", percent=50, message="half of it")
    assert halfway["progress"] == {"percent": 50, "message": "half of it"}
    extended = await ann.make(f"{path}:extend", leaseDuration="60s")
    assert extended["leaseExpireTime"] > mine["expireTime"]
    done = await ann.make(f"{path}:complete", result={"bytes": 1234})
    assert (done["status"], done["result"]) == ("COMPLETED", {"bytes": 1234})
    late = await ann.ask("POST", f"{path}:complete", {})
    assert (late.status, late.reason) == (409, "LEASE_LOST")


async def test_a_worker_fails_and_gives_back(ann: Person) -> None:
    await add(ann)
    mine = await lease(ann)
    failed = await ann.make(f"/v1/leases/{mine['leaseId']}:fail", error="no such file", retryAfter="0s")
    assert (failed["status"], failed["lastError"], failed["attempt"]) == ("PENDING", "no such file", 1)
    mine = await lease(ann, wait="5s")
    released = await ann.make(f"/v1/leases/{mine['leaseId']}:release")
    assert (released["status"], released["attempt"]) == ("PENDING", 1)
    mine = await lease(ann, wait="5s")
    given_up = await ann.make(f"/v1/leases/{mine['leaseId']}:fail", error="no such file", retryable=False)
    assert (given_up["status"], given_up["attempt"]) == ("FAILED", 2)


async def test_a_repeated_answer_is_answered_as_the_first_time(ann: Person) -> None:
    await add(ann)
    path = f"/v1/leases/{(await lease(ann))['leaseId']}:complete"
    first, again = [await ann.ask("POST", path, {}, Idempotency_Key="done") for _ in range(2)]
    assert (again.status, again.body) == (200, first.body)


async def test_a_long_poll_waits_for_work(ann: Person) -> None:
    waiting = asyncio.ensure_future(lease(ann, wait="30s"))
    task = await add(ann)
    assert (await waiting)["task"]["id"] == task["id"]
    assert (await ann.make("/v1/queues/photos:lease", wait="0.1s")) == {"leases": []}


async def test_a_queue_is_read_changed_paused_and_resumed(ann: Person) -> None:
    unknown = await ann.ask("GET", "/v1/queues/photos")
    assert (unknown.status, unknown.reason) == (404, "QUEUE_NOT_FOUND")
    await add(ann)
    read = await ann.ask("GET", "/v1/queues/photos")
    assert (read.body["name"], read.body["depth"]["waiting"]) == ("photos", "1")
    assert (read.body["backoff"], read.body["defaultLeaseDuration"]) == ({"initial": "5s", "max": "3600s"}, "30s")
    settings = {"maxConcurrency": 3, "backoff": {"initial": "1s"}, "rateLimit": {"tasks": 5, "period": "60s"}}
    changed = await ann.ask("PATCH", "/v1/queues/photos", settings, If_Match=read.headers["ETag"])
    assert (changed.status, changed.body["maxConcurrency"]) == (200, 3)
    assert (changed.body["backoff"], changed.body["rateLimit"]) == (
        {"initial": "1s", "max": "3600s"},
        {"tasks": 5, "period": "60s"},
    )
    stale = await ann.ask("PATCH", "/v1/queues/photos", {"maxConcurrency": 4}, If_Match=read.headers["ETag"])
    assert (stale.status, stale.reason) == (412, "ETAG_MISMATCH")
    cleared = await ann.ask("PATCH", "/v1/queues/photos", {"rateLimit": None, "projectId": changed.body["projectId"]})
    assert "rateLimit" not in cleared.body
    assert cleared.body["maxConcurrency"] == 3
    assert "pauseTime" in await ann.make("/v1/queues/photos:pause")
    assert (await ann.make("/v1/queues/photos:lease"))["leases"] == []
    assert "pauseTime" not in await ann.make("/v1/queues/photos:resume")
    await lease(ann, worker="crane", wait="5s")
    assert (await queue(ann))["depth"]["running"] == "1"
    listed = (await ann.ask("GET", "/v1/queues")).body["queues"]
    assert [each["name"] for each in listed] == ["photos"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/queues/Big%20Photos:lease", {}, "queue"),
        ("/v1/queues/photos:lease", {"max": 1001}, "max"),
        ("/v1/queues/photos:lease", {"leaseDuration": "0s"}, "lease_duration"),
        ("/v1/queues/photos:lease", {"leaseDuration": "86400s"}, "lease_duration"),
        ("/v1/queues/photos:lease", {"wait": "61s"}, "wait"),
        ("/v1/queues/photos:lease", {"worker": "w" * 129}, "worker"),
        ("/v1/leases/mine:complete", {}, "lease_id"),
        ("/v1/leases/01934f5e-7b1c-7000-8000-000000000001:fail", {"error": "e" * 8193}, "error"),
        ("/v1/leases/01934f5e-7b1c-7000-8000-000000000001:progress", {"percent": 101}, "percent"),
    ],
)
async def test_bad_input_is_named(ann: Person, path: str, body: Json, field: str) -> None:
    answer = await ann.ask("POST", path, body)
    assert (answer.status, named(answer)) == (400, [field])


async def test_whoever_added_a_task_follows_its_work_live(ann: Person) -> None:
    async with websocket(ann) as socket:
        await socket.send_json({"subscribe": {"id": "mine", "project": ann.user["personalProjectId"]}})
        await frame(socket, "subscribed")
        task = await add(ann)
        path = f"/v1/leases/{(await lease(ann))['leaseId']}"
        await ann.make(f"{path}:progress", percent=50, message="half of it")
        await ann.make(f"{path}:complete", result={"ok": True})
        heard: list[Json] = []
        while len(heard) < 4:
            heard += (await frame(socket, "events"))["events"]
    assert [event["type"] for event in heard] == [
        "task.created",
        "task.started",
        "task.progressed",
        "task.completed",
    ]
    assert {event["taskId"] for event in heard} == {task["id"]}
    assert heard[2]["task"]["progress"]["percent"] == 50
    assert heard[3]["task"]["result"] == {"ok": True}


async def test_a_queue_of_another_project_is_changed_wherever_the_project_is_named(ann: Person) -> None:
    project = await ann.make("/v1/projects", title="Attic")
    await ann.make("/v1/tasks", title="x", queue="photos", projectId=project["id"])
    path = f"/v1/queues/photos?projectId={project['id']}"
    changed = await ann.ask("PATCH", path, {"maxConcurrency": 3})
    assert (changed.status, changed.body["projectId"], changed.body["maxConcurrency"]) == (200, project["id"], 3)
    again = await ann.ask("PATCH", path, {**changed.body, "maxConcurrency": 4})
    assert (again.status, again.body["maxConcurrency"]) == (200, 4)
    personal = (await ann.ask("GET", "/v1/users/me")).body["personalProjectId"]
    both = await ann.ask("PATCH", path, {"maxConcurrency": 5, "projectId": personal})
    assert (both.status, both.reason) == (400, "INVALID_FIELD")
    assert (await ann.ask("GET", path)).body["maxConcurrency"] == 4
