"""Makes the README's pictures: a throw-away stack with a summer house in it, looked at in Chromium.

make pictures
"""

import asyncio
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from devstack.stack import Stack
from tests.acceptance.conftest import PASSWORD, Answer, Json, Person

DOCS: Final = Path("docs")
SIZE: Final = {"width": 1280, "height": 800}
STORY: Final = """The old paint comes off first; the **north wall** is damp.

- [x] Sand the window frames
- [x] Fill the cracks
- [ ] Two coats of `RAL 9010`

> The tin says 12 m² a litre, so 5 l will do.

Colours: <https://example.com/colours>"""


@dataclass(slots=True)
class House:
    """The people, the project, and the task that is shown in full."""

    ann: Person
    bob: Person
    project: Json
    wall: Json


async def main() -> None:
    """Both pictures."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no Chromium here; on Debian: apt install chromium fonts-liberation")
    with TemporaryDirectory() as folder:
        async with (
            Stack(data_dir=Path(folder), throwaway=True) as stack,
            aiohttp.ClientSession() as http,
            async_playwright() as playwright,
        ):
            house = await built(http, stack.http_url)
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            await picture(browser, house, "board.png", "light")
            await picture(browser, house, "task.png", "dark", task=house.wall)
            await browser.close()


async def picture(browser: Browser, house: House, name: str, scheme: Any, task: Json | None = None) -> None:
    """The board, with a task beside it if one is named, in a browser of Ann's."""
    page = await signed_in(browser, house.ann, viewport=SIZE, color_scheme=scheme, locale="en-GB")
    await page.goto(f"/#/projects/{house.project['id']}")
    await page.locator(".card").nth(8).wait_for()
    if task is not None:
        await page.goto(f"/#/tasks/{task['id']}")
        await page.locator(".comment").nth(1).wait_for()
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=DOCS / name, animations="disabled")
    await page.context.close()


async def signed_in(browser: Browser, person: Person, **options: Any) -> Page:
    """A page of a browser of their own."""
    context = await browser.new_context(base_url=person.url, **options)
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_label("Username").fill(person.username)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("[data-state=live]").wait_for(state="attached")
    return page


async def built(http: aiohttp.ClientSession, url: str) -> House:
    """A project with all kinds of tasks in it."""
    ann, bob, kim = [await named(http, url, name) for name in ("ann", "bob", "kim")]
    project = await ann.make("/v1/projects", title="Summer house")
    await ann.make("/v1/projects", title="Web shop")
    for member in (bob, kim):
        await ann.make(f"/v1/projects/{project['id']}/members", username=member.username, role="EDITOR")

    async def task(title: str, *, days: int | None = None, then: tuple[str, ...] = (), **more: Any) -> Json:
        due = {} if days is None else {"dueTime": (datetime.now(UTC) + timedelta(days=days)).isoformat()}
        made = await ann.make("/v1/tasks", title=title, projectId=project["id"], **due, **more)
        for verb in then:
            await bob.make(f"/v1/tasks/{made['id']}:{verb}")
        return made

    paint = {"labels": ["indoors", "paint"], "assigneeId": bob.id, "description": STORY}
    wall = await task("Paint the kitchen walls", priority="HIGH", days=1, then=("start",), **paint)
    await task("The roof leaks over the porch", priority="URGENT", labels=["roof"], assigneeId=ann.id, days=0)
    await task("Book the van", priority="HIGH", labels=["move"], assigneeId=kim.id, days=2)
    await task("Купить новые книги для полки", labels=["indoors"], assigneeId=ann.id)
    await task("Water the tomatoes", labels=["garden"], recurrence="FREQ=DAILY", days=1)
    await task("Ask the neighbours about the fence", priority="LOW", labels=["garden"])
    await task("Order tiles for the bathroom", labels=["indoors"], assigneeId=bob.id, then=("complete",))
    await task("Measure the windows", assigneeId=kim.id, then=("complete",))
    await task("Renew the insurance", priority="HIGH", labels=["papers"], then=("complete",))
    await task("Buy a second grill", then=("cancel",))
    await task("Resize 240 photos of the house", queue="photos", payload={"folder": "2026/summer"})
    await work(ann, project)
    await say(bob, wall, "The filler needs a night to dry. I start with the *south* wall.")
    await say(ann, wall, f"Good. There are two more rollers in the shed, @{bob.username}.")
    return House(ann, bob, project, wall)


async def work(ann: Person, project: Json) -> None:
    """A worker is halfway through the photos."""
    leased = await ann.make("/v1/queues/photos:lease", projectId=project["id"], leaseDuration="600s", worker="studio-2")
    lease = leased["leases"][0]["leaseId"]
    await ann.make(f"/v1/leases/{lease}:progress", percent=62, message="149 of 240")


async def say(person: Person, task: Json, text: str) -> None:
    """A comment."""
    await person.make(f"/v1/tasks/{task['id']}/comments", text=text)


async def named(http: aiohttp.ClientSession, url: str, name: str) -> Person:
    """Somebody with a name that can be shown."""
    nobody = Person(http, url, {}, "")
    user = await nobody.make("/v1/users", username=name, email=f"{name}@example.com", password=PASSWORD)
    answer: Answer = await nobody.ask("POST", "/v1/sessions", {"username": name, "password": PASSWORD})
    return Person(http, url, user, answer.body["accessToken"])


if __name__ == "__main__":
    asyncio.run(main())
