"""The board: tasks are added, moved by mouse and by keyboard, and moved back."""

import os

from playwright.async_api import Browser, Page, expect

from devstack.stack import Stack


def column(page: Page, status: str):
    return page.locator(f"[data-status={status}]")


def card(page: Page, title: str):
    return page.locator(".card").filter(has_text=title)


async def test_somebody_new_signs_up_and_adds_a_first_task(chromium: Browser, stack: Stack):
    name = f"new-{os.urandom(4).hex()}"
    context = await chromium.new_context(base_url=stack.http_url, locale="en-GB")
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("Fill this in.")).to_have_count(2)
    await expect(page.get_by_label("Username")).to_be_focused()
    await page.get_by_role("link", name="Create an account").click()
    await page.get_by_label("Username").fill("A B")
    await page.get_by_label("E-mail").fill(f"{name}@example.com")
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_text("must be 3 to 32 characters")).to_be_visible()  # the server's own words, at the field
    await expect(page.get_by_label("Username")).to_be_focused()
    await page.get_by_label("Username").fill(name)
    await page.get_by_role("button", name="Create account").click()
    await page.get_by_placeholder("Add a task").fill("Buy paint")
    await page.keyboard.press("Enter")
    await expect(column(page, "PENDING").locator(".card")).to_have_text("Buy paint")
    await page.reload()  # and is still signed in
    await expect(column(page, "PENDING").locator(".card")).to_have_text("Buy paint")
    await page.get_by_role("button", name=name).click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await context.close()


async def test_a_card_is_dragged_to_another_column_and_the_move_undone(opened, ann, project, board):
    task = await ann.make("/v1/tasks", title="Paint the kitchen walls", projectId=project["id"])
    page = await opened(ann, board)
    async with page.expect_response("**:complete"):
        await card(page, "Paint the kitchen").drag_to(column(page, "COMPLETED"))
    await expect(column(page, "COMPLETED").locator(".card")).to_have_count(1)
    await expect(page.get_by_text("“Paint the kitchen walls” is now: Done")).to_be_visible()
    assert (await ann.ask("GET", f"/v1/tasks/{task['id']}")).body["status"] == "COMPLETED"
    await page.get_by_role("button", name="Undo").click()
    await expect(column(page, "PENDING").locator(".card")).to_have_count(1)
    await expect(column(page, "COMPLETED").locator(".card")).to_have_count(0)


async def test_a_move_that_the_status_does_not_allow_is_not_offered(opened, ann, project, board):
    task = await ann.make("/v1/tasks", title="Order the tiles", projectId=project["id"])
    await ann.make(f"/v1/tasks/{task['id']}:complete")
    page = await opened(ann, board)
    await card(page, "Order the tiles").hover()
    await page.get_by_role("button", name="Actions for “Order the tiles”").click()
    await expect(page.get_by_role("menuitem")).to_have_text(["Open", "Reopen", "Delete"])
    await page.keyboard.press("Escape")
    await card(page, "Order the tiles").drag_to(column(page, "IN_PROGRESS"))
    await expect(column(page, "COMPLETED").locator(".card")).to_have_count(1)


async def test_all_of_it_is_done_with_the_keyboard_alone(opened, ann, project, board):
    await ann.make("/v1/tasks", title="First", projectId=project["id"], priority="HIGH")
    await ann.make("/v1/tasks", title="Second", projectId=project["id"])
    page = await opened(ann, board)
    await expect(page.locator(".card")).to_have_count(2)
    press = page.keyboard.press
    await press("c")
    await page.keyboard.type("Third")
    await press("Enter")
    await expect(column(page, "PENDING").locator(".card")).to_have_count(3)
    await press("Tab")  # to the first card
    await expect(page.get_by_role("link", name="First")).to_be_focused()
    await press("ArrowDown")
    await expect(page.get_by_role("link", name="Second")).to_be_focused()
    await press("Shift+ArrowRight")
    await expect(column(page, "IN_PROGRESS").locator(".card")).to_have_text("Second")
    await expect(page.get_by_role("link", name="Second")).to_be_focused()  # it went along
    await press("m")
    await expect(page.get_by_role("menuitem", name="Open")).to_be_focused()
    await press("ArrowDown")
    await press("Enter")
    await expect(column(page, "COMPLETED").locator(".card")).to_have_text("Second")
    await press("z")  # undone
    await expect(column(page, "IN_PROGRESS").locator(".card")).to_have_text("Second")
    await page.get_by_role("link", name="First").focus()
    await press("Enter")
    await expect(page.get_by_role("complementary", name="Task details")).to_be_visible()
    await press("Escape")
    await expect(page.get_by_role("complementary")).to_have_count(0)
    await expect(page.get_by_role("link", name="First")).to_be_focused()  # back to where it came from
    await press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await press("Escape")
    await press("g")
    await press("i")
    await expect(page.get_by_role("heading", name="Inbox", level=1)).to_be_visible()


async def test_a_refusal_is_told_in_the_servers_words_and_the_card_goes_back(opened, ann, project, board):
    blocker = await ann.make("/v1/tasks", title="Clear the room", projectId=project["id"])
    await ann.make("/v1/tasks", title="Lay the floor", projectId=project["id"], blockedBy=[blocker["id"]])
    page = await opened(ann, board)
    await card(page, "Lay the floor").drag_to(column(page, "IN_PROGRESS"))
    await expect(page.get_by_role("alert").filter(has_text="waits for")).to_be_visible()
    await expect(column(page, "PENDING").locator(".card")).to_have_count(2)


async def test_a_filter_narrows_the_board_and_stands_in_the_address(opened, ann, project, board):
    await ann.make("/v1/tasks", title="Urgent thing", projectId=project["id"], priority="URGENT", labels=["roof"])
    await ann.make("/v1/tasks", title="Idle thing", projectId=project["id"], priority="LOW")
    page = await opened(ann, board)
    await expect(page.locator(".card")).to_have_count(2)
    await page.get_by_role("button", name="Priority").click()
    await page.get_by_role("menuitemradio", name="Urgent").click()
    await expect(page.locator(".card")).to_contain_text(["Urgent thing"])
    assert page.url.endswith(f"{board}?priority=URGENT")
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_role("searchbox", name="Filter expression").fill('title:"idle"')
    await page.keyboard.press("Enter")
    await expect(page.locator(".card")).to_contain_text(["Idle thing"])
    await page.reload()
    await expect(page.locator(".card")).to_contain_text(["Idle thing"])


async def test_a_long_list_is_read_status_by_status(opened, ann, project, board):
    tasks = [{"task": {"title": f"Plank {number}", "projectId": project["id"]}} for number in range(60)]
    made = (await ann.make("/v1/tasks:batchCreate", requests=tasks))["tasks"]
    await ann.make(f"/v1/tasks/{made[0]['id']}:start")
    page = await opened(ann, f"{board}/list")
    running, waiting = (page.get_by_role("region", name=name) for name in ("In progress", "To do"))
    await expect(running.locator(".count")).to_have_text("1")  # is not hidden behind what waits
    await expect(waiting.locator(".count")).to_have_text("50+")
    await waiting.get_by_role("button", name="Show more").click()
    await expect(waiting.locator(".count")).to_have_text("59")
    await page.get_by_role("button", name="Status").click()
    await page.get_by_role("menuitemradio", name="In progress").click()
    await expect(waiting).to_be_hidden()
    await expect(page.locator(".row:visible")).to_contain_text(["Plank 0"])
    await running.get_by_role("button", name="Complete").click()
    await expect(page.get_by_role("heading", name="No tasks")).to_be_visible()
