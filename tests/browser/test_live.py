"""What others do appears by itself, also after the connection was lost."""

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
