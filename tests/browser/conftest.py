"""People who use the page in a real Chromium."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from devstack.stack import Stack
from tests.acceptance.conftest import PASSWORD, Json, Newcomer, Person, register

PATIENCE_MS = 30_000
"""A change that is awaited comes within a second; a machine that is busy may take longer."""

Opened = Callable[..., Awaitable[Page]]
Shared = Callable[[], Awaitable[Json]]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The machine's own Chromium (Debian: apt install chromium)."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium here (apt install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        # Without its sandbox, which needs more than a container or root has: it only sees our own page.
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(scope="session")
async def ann(stack: Stack, http: aiohttp.ClientSession) -> Person:
    return await register(http, stack.http_url)


@pytest.fixture(scope="session")
async def bob(stack: Stack, http: aiohttp.ClientSession) -> Person:
    return await register(http, stack.http_url)


@pytest.fixture
def newcomer(stack: Stack, http: aiohttp.ClientSession) -> Newcomer:
    """Registers somebody new."""
    return partial(register, http, stack.http_url)


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    """What each person's browser keeps: they sign in once."""
    return {}


@pytest.fixture
async def opened(chromium: Browser, kept: dict[str, Any]) -> AsyncIterator[Opened]:
    """A page of somebody's own browser: `await opened(ann, "projects/...", color_scheme="dark")`."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    async def open_(person: Person, place: str = "", **options: Any) -> Page:
        if person.id not in kept:
            kept[person.id] = await signed_in(chromium, person)
        options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, **options}
        context = await chromium.new_context(base_url=person.url, storage_state=kept[person.id], **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
        await page.goto(f"/#/{place}")
        await expect(page.locator("[data-state=live]")).to_be_attached()
        return page

    yield open_
    await asyncio.gather(*(context.close() for context in contexts))
    assert troubles == []


async def signed_in(chromium: Browser, person: Person) -> Any:
    """What a browser keeps of somebody who signed in."""
    context = await chromium.new_context(base_url=person.url, locale="en-GB")
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_label("Username").fill(person.username)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Personal")).to_be_visible(timeout=PATIENCE_MS)
    state = await context.storage_state()
    await context.close()
    return state


@pytest.fixture
def shared(ann: Person, bob: Person) -> Shared:
    """A new project of Ann's, where Bob is an editor."""

    async def make() -> Json:
        project = await ann.make("/v1/projects", title="Summer house")
        await ann.make(f"/v1/projects/{project['id']}/members", username=bob.username, role="EDITOR")
        return project

    return make


@pytest.fixture
async def project(shared: Shared) -> Json:
    return await shared()


@pytest.fixture
def board(project: Json) -> str:
    """Where its board is."""
    return f"projects/{project['id']}"
