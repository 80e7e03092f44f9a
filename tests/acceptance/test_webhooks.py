"""Webhooks of a project over REST, from their making to what became of an event."""

import asyncio

from tests.acceptance.conftest import Newcomer, Person


async def test_an_owner_makes_a_webhook_and_sees_what_became_of_each_event(newcomer: Newcomer, bob: Person) -> None:
    ann = await newcomer()
    project = await ann.make("/v1/projects", title="Shop")
    path = f"/v1/projects/{project['id']}/webhooks"
    webhook = await ann.make(path, url="https://hooks.invalid/1", eventTypes=["task.*"], description="stock")
    assert webhook["secret"].startswith("whsec_")
    one = f"{path}/{webhook['id']}"
    listed = (await ann.ask("GET", path)).body
    assert listed == {"webhooks": [webhook | {"secret": ""}], "nextPageToken": ""}
    read = await ann.ask("GET", one)
    assert read.headers["ETag"] == f'"{webhook["etag"]}"'
    assert (await ann.ask("PATCH", one, {"description": "x"}, If_Match='"stale"')).status == 412
    changed = await ann.ask("PATCH", one, {"description": "goods"}, If_Match=read.headers["ETag"])
    assert (changed.body["description"], changed.body["eventTypes"]) == ("goods", ["task.*"])

    await ann.make("/v1/tasks", title="Order paint", projectId=project["id"])
    async with asyncio.timeout(60):
        while not (sent := (await ann.ask("GET", f"{one}/deliveries")).body["deliveries"]) or not sent[0]["attempts"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process sends it
    (delivery,) = sent
    assert (delivery["eventType"], delivery["state"], delivery["lastStatus"]) == ("task.created", "WAITING", 0)
    assert "hooks.invalid could not be reached" in delivery["lastAnswer"]
    again = await ann.ask("POST", f"{one}/deliveries/{delivery['id']}:retry", {})
    assert (again.status, again.body["state"]) == (200, "WAITING")
    tested = await ann.ask("POST", f"{one}:test", {})
    assert (tested.body["delivered"], tested.body["status"]) == (False, 0)
    rotated = await ann.ask("POST", f"{one}:rotateSecret", {})
    assert rotated.body["secret"] not in ("", webhook["secret"])
    assert rotated.body["formerSecretExpireTime"]

    strange = await bob.ask("GET", one)
    assert (strange.status, strange.reason) == (404, "PROJECT_NOT_FOUND")
    await ann.make(f"/v1/projects/{project['id']}/members", userId=bob.id, role="EDITOR")
    refused = await bob.ask("POST", path, {"url": "https://example.com"})
    assert (refused.status, refused.reason) == (403, "ROLE_TOO_LOW")
    private = await ann.ask("POST", path, {"url": "http://169.254.169.254/latest/meta-data"})
    assert (private.status, private.reason) == (400, "INVALID_FIELD")
    assert (await ann.ask("DELETE", one)).body == {}
    gone = await ann.ask("GET", one)
    assert (gone.status, gone.reason) == (404, "WEBHOOK_NOT_FOUND")
