"""What comes late, breaks off, or happens meanwhile, leaves the page as it should be."""

import asyncio

from playwright.async_api import Page, expect

BROKEN_ONCE = """() => {
    const real = window.fetch;
    let broken = false;
    window.fetch = async (...args) => {
        const answer = await real(...args);
        if (broken || !String(args[0]).startsWith('/v1/tasks?')) return answer;
        broken = true;
        return new Response(new ReadableStream({ start: (body) => body.error(new TypeError('cut')) }));
    };
}"""


class Held:
    """Answers to requests of one kind, held back until they are let go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._released = asyncio.Event()

    async def hold(self, page: Page, url: str) -> None:
        async def answer(route):
            told = await route.fetch()
            self.asked.set()
            await self._released.wait()
            await route.fulfill(response=told)

        await page.route(url, answer, times=1)

    async def let_go(self, page: Page, part: str) -> None:
        async with page.expect_response(lambda answer: part in answer.url) as late:
            self._released.set()
        await (await late.value).finished()
        await page.evaluate("new Promise((resolve) => setTimeout(resolve))")  # the page has taken it in


async def test_a_comment_stays_when_the_list_that_lacks_it_comes_late(opened, ann, bob, project):
    task = await ann.make("/v1/tasks", title="Fence", projectId=project["id"])
    page, held = await opened(ann), Held()
    await held.hold(page, f"**/v1/tasks/{task['id']}/comments**")
    await page.goto(f"/#/tasks/{task['id']}")
    await held.asked.wait()
    await bob.make(f"/v1/tasks/{task['id']}/comments", text="Look here")
    await expect(page.locator(".comment")).to_contain_text(["Look here"])
    await held.let_go(page, "/comments")
    await expect(page.locator(".comment")).to_contain_text(["Look here"])


async def test_the_inbox_shows_what_was_chosen_last(opened, ann, bob, project):
    await ann.make("/v1/tasks", title="The old gate", projectId=project["id"], assigneeId=bob.id)
    page, held = await opened(bob, "inbox"), Held()
    note = page.locator(".note").filter(has_text="The old gate")
    await expect(note).to_be_visible()
    await held.hold(page, "**/v1/notifications?**state=UNREAD**")
    await page.get_by_role("button", name="Unread", exact=True).click()
    await held.asked.wait()
    async with page.expect_response("**/v1/notifications?**state=ARCHIVED**"):
        await page.get_by_role("button", name="Archived", exact=True).click()
    await expect(page.locator(".skeleton")).to_have_count(0)
    await held.let_go(page, "state=UNREAD")
    await expect(note).to_have_count(0)


async def test_an_answer_that_breaks_off_is_asked_for_again(opened, ann, project, board):
    await ann.make("/v1/tasks", title="Fence", projectId=project["id"])
    page = await opened(ann)
    await page.evaluate(BROKEN_ONCE)
    await page.goto(f"/#/{board}")
    await expect(page.locator(".card")).to_contain_text(["Fence"])
    await expect(page.locator(".skeleton")).to_have_count(0)
    await expect(page.get_by_role("alert").filter(has_text="went wrong")).to_have_count(0)


async def test_what_is_open_of_a_job_stays_open_while_it_progresses(opened, ann, project):
    task = await ann.make("/v1/tasks", title="Copy", queue="copies", payload={"a": 1}, projectId=project["id"])
    leased = await ann.make("/v1/queues/copies:lease", projectId=project["id"], worker="lamp-1", leaseDuration="300s")
    page = await opened(ann, f"tasks/{task['id']}")
    await page.get_by_text("Payload").click()
    await expect(page.get_by_text('"a": 1')).to_be_visible()
    await ann.make(f"/v1/leases/{leased['leases'][0]['leaseId']}:progress", percent=7, message="7 of 100")
    await expect(page.locator(".task")).to_contain_text("7 of 100")
    await expect(page.get_by_text('"a": 1')).to_be_visible()


async def test_a_dialog_is_gone_with_whoever_signed_out_in_another_tab(opened, newcomer):
    page = await opened(await newcomer())
    other = await page.context.new_page()
    await other.goto("/")
    await page.get_by_role("button", name="New project").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await other.locator(".side-user").click()
    await other.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
