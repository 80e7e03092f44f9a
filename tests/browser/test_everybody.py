"""The page is for everybody: on a phone, in the dark, in Russian, with a screen reader."""

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

PHONE = {"width": 360, "height": 740}
AT_REST = """Promise.all(document.getAnimations()
    .filter((one) => one.effect.getTiming().iterations === 1).map((one) => one.finished))"""
VIEWS = ("", "/list", "/queues", "/members", "/settings")
OWN = ("inbox", "mine", "preferences", "tokens")


async def complaints(page: Page) -> list[str]:
    """What axe-core finds, by WCAG 2.2 AA and its best practices."""
    await page.evaluate(AT_REST)
    found: Any = await Axe().run(page)
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


@pytest.fixture(scope="session")
async def furnished(ann, bob):
    """A project with something of everything in it, and a task."""
    project = await ann.make("/v1/projects", title="Summer house")
    await ann.make(f"/v1/projects/{project['id']}/members", username=bob.username, role="EDITOR")
    more = {
        "projectId": project["id"],
        "labels": ["roof", "garden", "indoors"],
        "assigneeId": bob.id,
        "dueTime": "2020-01-02T03:04:05Z",
    }
    task = await ann.make(
        "/v1/tasks",
        title="Paint the kitchen walls",
        priority="URGENT",
        description="# A\n> b\n\n- [x] c\n\n`d` **e** https://example.com",
        **more,
    )
    for priority in ("HIGH", "LOW"):
        await ann.make("/v1/tasks", title=f"A task that is {priority}", priority=priority, **more)
    done = await ann.make("/v1/tasks", title="Done", **more)
    await ann.make(f"/v1/tasks/{done['id']}:complete")
    await bob.make(f"/v1/tasks/{task['id']}/comments", text=f"Look at this, @{ann.username}")
    await ann.make("/v1/tasks", title="Job", queue="jobs", projectId=project["id"])
    leased = await ann.make("/v1/queues/jobs:lease", projectId=project["id"], worker="lamp-1")
    await ann.make(f"/v1/leases/{leased['leases'][0]['leaseId']}:progress", percent=5, message="begun")
    return project["id"], task["id"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_any_view(opened, ann, furnished, scheme):
    project, task = furnished
    page = await opened(ann, f"projects/{project}", color_scheme=scheme)
    await expect(page.locator(".card")).not_to_have_count(0)
    found = {}
    for place in (*(f"projects/{project}{view}" for view in VIEWS), f"tasks/{task}", *OWN):
        await page.goto(f"/#/{place}")
        await expect(page.locator(".skeleton")).to_have_count(0)
        found[place] = await complaints(page)
    await page.keyboard.press("/")
    await page.keyboard.type("paint")
    await expect(page.get_by_role("dialog").get_by_role("option").first).to_be_visible()
    found["search"] = await complaints(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    found["shortcuts"] = await complaints(page)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=ann.username).click()
    found["menu"] = await complaints(page)
    assert {place: each for place, each in found.items() if each} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_before_signing_in(chromium, stack, scheme):
    context = await chromium.new_context(base_url=stack.http_url, locale="en-GB", color_scheme=scheme)
    page = await context.new_page()
    found = {}
    for place in ("signin", "signup", "forgot", "reset?token=x", "confirm?token=x"):
        await page.goto(f"/#/{place}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        found[place] = await complaints(page)
    await context.close()
    assert {place: each for place, each in found.items() if each} == {}


async def test_nothing_is_wider_than_a_phone(opened, ann, furnished):
    project, task = furnished
    page = await opened(ann, f"projects/{project}", viewport=PHONE, has_touch=True, is_mobile=True)
    for place in (*(f"projects/{project}{view}" for view in VIEWS), f"tasks/{task}", *OWN):
        await page.goto(f"/#/{place}")
        await expect(page.locator(".skeleton")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], place
        assert await page.evaluate("document.querySelector('.task-body, .main').scrollWidth") <= PHONE["width"], place
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("link", name="My tasks").click()
    await expect(page.get_by_role("link", name="My tasks")).to_be_hidden()  # the menu has closed
    await page.get_by_role("link", name=re.compile("^Inbox")).click()
    await expect(page.get_by_text("mentioned you").first).to_be_visible()
    await page.goto(f"/#/projects/{project}")
    await page.get_by_role(
        "button", name="Actions for “A task that is LOW”"
    ).click()  # what a finger can't drag, it chooses
    await page.get_by_role("menuitem", name="Start").click()
    await expect(page.locator("[data-status=IN_PROGRESS]").get_by_text("A task that is LOW")).to_be_visible()


async def test_it_speaks_russian(opened, ann, furnished):
    project, task = furnished
    page = await opened(ann, f"projects/{project}", locale="ru-RU")
    await expect(page.get_by_role("heading", name="Сделать")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "ru")
    await page.goto(f"/#/tasks/{task}")
    await expect(page.get_by_label("Приоритет").last).to_have_value("URGENT")
    await page.get_by_role("button", name=ann.username).click()
    await page.get_by_role("menuitemradio", name="English").click()
    await expect(page.get_by_role("heading", name="To do")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="To do")).to_be_visible()


async def test_a_wrong_password_is_told_in_russian(chromium, stack):
    context = await chromium.new_context(base_url=stack.http_url, locale="ru-RU")
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_label("Имя пользователя").fill("nobody-of-this-name")
    await page.get_by_label("Пароль").fill("not the right one")
    await page.get_by_role("button", name="Войти").click()
    await expect(page.get_by_role("alert").filter(has_text="Неверное имя пользователя или пароль.")).to_be_visible()
    await context.close()


async def test_dark_is_chosen_and_stays(opened, ann):
    page = await opened(ann)
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.get_by_role("button", name=ann.username).click()
    await page.get_by_role("menuitemradio", name="Dark").click()
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    await page.reload()
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
