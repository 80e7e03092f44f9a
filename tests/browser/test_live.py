"""What others do appears by itself, also after the connection was lost."""

import asyncio
import re

from playwright.async_api import expect

from tests.acceptance.conftest import register
from tests.browser.test_board import card, column


async def test_a_change_in_one_browser_appears_in_the_other(opened, ann, bob, board):
    hers, his = await opened(ann, board), await opened(bob, board)
    await hers.get_by_placeholder("Add a task").fill("Book the van")
    await hers.keyboard.press("Enter")
    await expect(card(his, "Book the van")).to_be_visible()
    await expect(card(his, f"{ann.username} added this just now")).to_be_visible()  # the quiet mark
    await expect(card(hers, "just now")).to_have_count(0)  # one's own changes aren't news
    await card(his, "Book the van").drag_to(column(his, "IN_PROGRESS"))
    await expect(column(hers, "IN_PROGRESS").locator(".card")).to_contain_text(["Book the van"])
    await card(hers, "Book the van").get_by_role("link").click()
    await hers.get_by_role("textbox", name="Title").fill("Book the big van")
    await hers.keyboard.press("Enter")
    await expect(card(his, "Book the big van")).to_be_visible()


async def test_two_who_write_the_same_description_overwrite_nothing_unseen(opened, ann, bob, project):
    task = await ann.make("/v1/tasks", title="Plan", description="first", projectId=project["id"])
    page = await opened(bob, f"tasks/{task['id']}")
    await page.get_by_role("region", name="Description").get_by_role("button", name="Edit").click()
    text = page.get_by_role("textbox", name="Description")
    await text.fill("Bob's words")
    await ann.ask("PATCH", f"/v1/tasks/{task['id']}", {"description": "Ann's words"})
    await expect(page.locator(".task .card-mark")).to_be_visible()  # it has come; what Bob writes is still there
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("dialog", name="Changed in the meantime").get_by_role("button", name="Cancel").click()
    await expect(text).to_have_value("Bob's words")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="Overwrite").click()
    await expect(page.locator(".task .markdown")).to_have_text("Bob's words")


async def test_a_page_whose_files_were_lost_on_the_way_loads_itself_again(opened, ann, board):
    page = await opened(ann, board)
    lost: list[str] = []

    async def lose_the_first(route):
        lost.append(route.request.url)
        await (route.abort("connectionreset") if len(lost) == 1 else route.continue_())

    await page.route("**/views/board.js", lose_the_first)
    await page.reload()
    await expect(page.get_by_placeholder("Add a task")).to_be_visible()
    assert len(lost) > 1


async def test_a_page_catches_up_after_the_gateway_was_killed(make_stack, opened, http):
    async with make_stack() as stack:
        ann = await register(http, stack.http_url)
        page = await opened(ann)
        await stack.gatewaysvc.kill()
        await expect(page.get_by_text("The connection was lost")).to_be_visible()
        await stack.gatewaysvc.start()
        await ann.make("/v1/tasks", title="Made while it was away")
        await expect(card(page, "Made while it was away")).to_be_visible()
        await expect(page.get_by_text("The connection was lost")).to_have_count(0)


async def test_a_page_without_a_network_says_so_and_catches_up_later(opened, ann, project, board):
    page = await opened(ann, board)
    await page.context.set_offline(True)
    await expect(page.get_by_text("You are offline")).to_be_visible()
    await page.get_by_placeholder("Add a task").fill("Typed without a network")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="You are offline")).to_be_visible()
    await expect(page.get_by_placeholder("Add a task")).to_have_value("Typed without a network")  # nothing is lost
    await ann.make("/v1/tasks", title="Made by others", projectId=project["id"])
    await page.context.set_offline(False)
    await expect(card(page, "Made by others")).to_be_visible()
    await expect(page.get_by_text("You are offline. What")).to_have_count(0)


async def test_two_tabs_share_a_session_and_renew_it_once(opened, newcomer):
    one = await opened(await newcomer())
    two = await one.context.new_page()
    await two.goto("/")
    await expect(two.locator("[data-state=live]")).to_be_attached()
    renewed: list[str] = []
    for tab in (one, two):
        tab.on("request", lambda request: renewed.append(request.url) if ":refresh" in request.url else None)
    await one.evaluate("""() => {
        const record = JSON.parse(localStorage['taskbell.session']);
        localStorage['taskbell.session'] = JSON.stringify({ ...record, expiresAt: 0 });
    }""")
    await asyncio.gather(one.reload(), two.reload())
    for tab in (one, two):
        await expect(tab.locator("[data-state=live]")).to_be_attached()
        await expect(tab.get_by_role("heading", name="Personal")).to_be_visible()
    assert len(renewed) == 1  # a second use of the same token would have ended the session
    await one.get_by_role("button", name=re.compile("^p")).click()
    await one.get_by_role("menuitem", name="Sign out").click()
    await expect(two.get_by_role("button", name="Sign in")).to_be_visible()  # in every tab


async def test_a_task_that_is_deleted_while_it_is_opened_is_said_to_be_deleted(opened, ann, bob, project, board):
    task = await ann.make("/v1/tasks", title="Short-lived", projectId=project["id"])
    page = await opened(bob, board)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def come_late(route):
        asked.set()
        await go_on.wait()
        await route.continue_()

    await page.route(f"**/v1/tasks/{task['id']}", come_late)
    async with page.expect_response(f"**/v1/tasks/{task['id']}") as answer:
        await card(page, "Short-lived").get_by_role("link").click()
        await asked.wait()
        await ann.ask("DELETE", f"/v1/tasks/{task['id']}")
        go_on.set()
    assert (await answer.value).status == 404
    await expect(page.get_by_text("This task was deleted.")).to_be_visible()


async def test_who_is_removed_from_a_project_sees_no_more_of_it(opened, ann, bob, project, board):
    task = await ann.make("/v1/tasks", title="Secret plans", projectId=project["id"])
    page = await opened(bob, board)
    await card(page, "Secret plans").get_by_role("link").click()
    await ann.ask("DELETE", f"/v1/tasks/{task['id']}")
    await expect(page.get_by_text("This task was deleted.")).to_be_visible()
    await ann.ask("DELETE", f"/v1/projects/{project['id']}/members/{bob.id}")
    await expect(page.get_by_role("heading", name="No such project")).to_be_visible()
    await expect(page.locator(f'a[href="#/{board}"]')).to_have_count(0)
