"""What comes late, breaks off, or happens meanwhile, leaves the page as it should be."""

from playwright.async_api import expect

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


async def test_an_answer_that_breaks_off_is_asked_for_again(opened, ann, project, board):
    await ann.make("/v1/tasks", title="Fence", projectId=project["id"])
    page = await opened(ann)
    await page.evaluate(BROKEN_ONCE)
    await page.goto(f"/#/{board}")
    await expect(page.locator(".card")).to_contain_text(["Fence"])
    await expect(page.locator(".skeleton")).to_have_count(0)
    await expect(page.get_by_role("alert").filter(has_text="went wrong")).to_have_count(0)
