"""What people set up for programs: API tokens of their own, and a project's webhooks."""

import re

from playwright.async_api import expect

from tests.browser.test_everybody import complaints


async def test_a_token_is_made_for_a_program_shown_once_and_revoked(opened, newcomer):
    eve = await newcomer()
    page = await opened(eve, permissions=["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name=eve.username).click()
    await page.get_by_role("menuitem", name="API tokens").click()
    await expect(page.get_by_text("No tokens yet")).to_be_visible()
    create = page.get_by_role("button", name="Create token")
    await page.get_by_label("Name").fill("deploy")
    await create.click()
    await expect(page.get_by_role("group", name="What its bearer may do")).to_contain_text("at least one")
    await page.get_by_label("tasks:read").check()
    await page.get_by_label("Expires").select_option("30")
    await create.click()
    secret = page.get_by_role("textbox", name="The token “deploy”")
    await expect(secret).to_be_focused()
    await expect(page.get_by_label("Expires")).to_have_value("90")  # as it was, for the next one
    assert await complaints(page) == []
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    token = await page.evaluate("navigator.clipboard.readText()")
    assert token == await secret.input_value()
    as_program = {"Authorization": f"Bearer {token}"}
    assert (await eve.ask("GET", "/v1/tasks", **as_program)).status == 200
    assert (await eve.ask("POST", "/v1/tasks", {"title": "x"}, **as_program)).status == 403

    await page.reload()
    row = page.get_by_role("listitem").filter(has_text="deploy")
    await expect(row).to_contain_text("tasks:read")
    await expect(secret).to_have_count(0)  # nothing keeps it
    await row.get_by_role("button", name="Revoke deploy").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke token").click()
    await expect(page.get_by_text("No tokens yet")).to_be_visible()
    assert (await eve.ask("GET", "/v1/tasks", **as_program)).status == 401


async def test_an_owner_adds_a_webhook_and_sees_what_becomes_of_its_deliveries(opened, ann, bob, project, board):
    page, his = await opened(ann, f"{board}/settings"), await opened(bob, f"{board}/settings")
    await page.get_by_role("button", name="Add webhook").click()
    dialog = page.get_by_role("dialog", name="Add webhook")
    await dialog.get_by_label("Address").fill("http://169.254.169.254/latest")
    await dialog.get_by_label("task.*").check()
    await dialog.get_by_role("button", name="Add webhook").click()
    await expect(dialog.get_by_label("Address")).to_be_focused()
    await expect(dialog.locator(".field-error")).to_contain_text("169.254.169.254")  # in the server's words
    await dialog.get_by_label("Address").fill("https://hooks.invalid/1")
    assert await complaints(page) == []
    await dialog.get_by_role("button", name="Add webhook").click()
    shown = page.get_by_role("dialog", name=re.compile("secret"))
    assert (await shown.get_by_role("textbox").input_value()).startswith("whsec_")
    assert await complaints(page) == []
    await page.keyboard.press("Escape")

    webhook = page.locator(".webhook")
    await expect(webhook).to_contain_text("https://hooks.invalid/1")
    await webhook.get_by_text("Recent deliveries").click()
    await expect(webhook).to_contain_text("Nothing was sent yet.")
    await ann.make("/v1/tasks", title="Order paint", projectId=project["id"])
    delivery = webhook.locator(".delivery")  # comes by itself, and so does what became of it
    await expect(delivery).to_contain_text("task.created")
    await expect(delivery).to_contain_text("waiting · 1 attempt · hooks.invalid could not be reached")
    async with page.expect_response("**:retry") as retried:
        await delivery.get_by_role("button", name="Send task.created again").click()
    assert (await retried.value).status == 200
    await expect(page.get_by_text("It is sent again")).to_be_visible()
    assert await complaints(page) == []
    await expect(his.get_by_label("Title")).to_be_visible()
    await expect(his.get_by_text("Webhooks")).to_have_count(0)  # they are the owners' business


async def test_a_webhook_is_tried_paused_changed_and_deleted(opened, ann, project, board):
    path = f"/v1/projects/{project['id']}/webhooks"
    made = await ann.make(path, url="https://hooks.invalid/1", eventTypes=["task.*"])
    page = await opened(ann, f"{board}/settings")
    webhook, dialog = page.locator(".webhook"), page.get_by_role("dialog")

    async def choose(action: str) -> None:
        await webhook.get_by_role("button", name="Actions for “https://hooks.invalid/1”").click()
        await page.get_by_role("menuitem", name=action).click()

    await choose("Send a test")
    await expect(page.get_by_role("alert").filter(has_text="hooks.invalid could not be reached")).to_be_visible()
    await webhook.get_by_role("button", name="Pause").click()
    await expect(webhook.get_by_text("paused", exact=True)).to_be_visible()
    (kept,) = (await ann.ask("GET", path)).body["webhooks"]
    assert (kept["disabled"], kept["eventTypes"]) == (True, ["task.*"])
    await webhook.get_by_role("button", name="Resume").click()
    await expect(webhook.get_by_text("active", exact=True)).to_be_visible()
    await choose("Edit webhook")
    await dialog.get_by_label("comment.created").check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(webhook.locator(".tag")).to_have_text(["active", "task.*", "comment.created"])
    await choose("New secret")
    await dialog.get_by_role("button", name="New secret").click()
    await expect(dialog.get_by_role("textbox")).not_to_have_value(made["secret"])
    await page.keyboard.press("Escape")
    await choose("Delete webhook")
    await dialog.get_by_role("button", name="Delete webhook").click()
    await expect(webhook).to_have_count(0)
    assert (await ann.ask("GET", path)).body["webhooks"] == []
