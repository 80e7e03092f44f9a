"""A filter in words stays true by the live stream alone: what comes to match appears, what ceases to match goes."""

from playwright.async_api import expect

from tests.browser.test_board import card, column


async def test_what_comes_to_match_appears_and_what_ceases_to_goes_without_asking_again(
    opened, ann, bob, project, board
):
    async def task(title: str, **more):
        return await bob.make("/v1/tasks", title=title, projectId=project["id"], **more)

    urgent, idle = await task("The roof leaks", priority="URGENT"), await task("Sort the nails", priority="LOW")
    await task("Buy a grill", priority="LOW")
    hers, his = await opened(ann, board), await opened(bob, board)
    words = hers.get_by_role("searchbox", name="Filter expression")
    await words.fill("priority >= HIGH")
    await words.press("Enter")
    await expect(hers.locator(".card")).to_contain_text(["The roof leaks"])
    asked: list[str] = []
    hers.on("request", lambda request: asked.append(request.url) if "/v1/tasks?" in request.url else None)

    await card(his, "Sort the nails").get_by_role("link").click()
    await his.get_by_label("Priority").last.select_option("HIGH")
    await expect(card(hers, "Sort the nails")).to_be_visible()  # enters
    await his.get_by_role("button", name="Start", exact=True).click()
    await expect(column(hers, "IN_PROGRESS").locator(".card")).to_contain_text(["Sort the nails"])  # changes
    await his.get_by_label("Priority").last.select_option("NORMAL")
    await expect(card(hers, "Sort the nails")).to_have_count(0)  # leaves
    await task("Call the plumber", priority="URGENT")
    await expect(card(hers, "Call the plumber")).to_be_visible()
    await task("Sweep the yard")
    await bob.ask("DELETE", f"/v1/tasks/{urgent['id']}")
    await expect(hers.locator(".card")).to_contain_text(["Call the plumber"])
    assert asked == []

    # Without a connection things go on; what was missed is told after the last event that was seen.
    await hers.context.set_offline(True)
    await expect(hers.get_by_text("You are offline")).to_be_visible()
    await bob.ask("PATCH", f"/v1/tasks/{idle['id']}", {"priority": "URGENT"})
    await hers.context.set_offline(False)
    await expect(card(hers, "Sort the nails")).to_be_visible()
    assert asked == []

    await words.fill("priority >=")
    await words.press("Enter")
    await expect(hers.get_by_role("alert").filter(has_text="filter, column")).to_be_visible()
    await expect(words).to_have_attribute("aria-invalid", "true")
    await words.fill("")
    await words.press("Enter")
    await expect(hers.locator(".card")).to_have_count(4)
    await hers.goto(f"/#/{board}/list?filter=priority+>=+HIGH")  # the list does the same
    await expect(hers.locator(".row")).to_have_count(2)
    await bob.ask("PATCH", f"/v1/tasks/{idle['id']}", {"priority": "LOW"})
    await expect(hers.locator(".row")).to_have_count(1)
