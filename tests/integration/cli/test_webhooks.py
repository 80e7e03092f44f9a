"""`taskbell webhook`, as typed."""

import asyncio

from tests.integration.cli.terminal import Terminal


async def test_webhooks_are_made_tested_changed_and_removed(ann: Terminal) -> None:
    project = (await ann.json("project", "create", "Shop"))["id"]
    shown = await ann.ok("webhook", "create", "Shop", "http://hooks.invalid/1", "-e", "task.*", "-d", "stock")
    assert "whsec_" in shown
    assert "It isn't shown again" in shown
    path = f"/v1/projects/{project}/webhooks"
    (webhook,) = (await ann.json("webhook", "list", "Shop"))["webhooks"]
    assert [webhook] == (await ann.rest(path))["webhooks"]
    assert "enabled" in await ann.ok("webhook", "list", project)
    end = webhook["id"][-8:]
    assert (await ann.json("webhook", "show", "shop", end))["description"] == "stock"
    tested = await ann.ok("webhook", "test", "Shop", "http://hooks.invalid/1")
    assert "could not be reached" in tested

    await ann.ok("add", "Order paint", "--project", "Shop")
    async with asyncio.timeout(60):
        while not (sent := (await ann.json("webhook", "deliveries", "Shop", end))["deliveries"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process sends it
    assert sent[0]["eventType"] == "task.created"
    assert "task.created" in await ann.ok("webhook", "deliveries", "Shop", end)
    again = await ann.json("webhook", "retry", "Shop", end, sent[0]["id"][-8:])
    assert (again["id"], again["state"]) == (sent[0]["id"], "WAITING")

    changed = await ann.json("webhook", "edit", "Shop", end, "--disable", "-e", "")
    assert (changed["disabled"], changed["eventTypes"], changed["description"]) == (True, [], "stock")
    assert "disabled" in await ann.ok("webhook", "list", "Shop")
    rotated = await ann.json("webhook", "rotate-secret", "Shop", end)
    assert rotated["secret"] not in shown
    assert "nothing to change" in await ann.refused(2, "webhook", "edit", "Shop", end)
    assert "INVALID_FIELD" in await ann.refused(67, "webhook", "create", "Shop", "http://127.0.0.1/")
    assert await ann.ok("webhook", "rm", "Shop", end) == "Removed.\n"
    assert "WEBHOOK_NOT_FOUND" in await ann.refused(69, "webhook", "show", "Shop", end)
