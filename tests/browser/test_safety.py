"""Whatever people write stays text, and nobody else's code runs."""

from playwright.async_api import expect

ATTACK = """<img src=x onerror="window.hit=1"><script>window.hit=1</script>'"><svg onload=window.hit=1>"""
MARKDOWN = f"""{ATTACK}

[click](javascript:window.hit=1) ![x](data:text/html,<script>) [y](  javascript:window.hit=1)
<javascript:window.hit=1> [z](https://example.com/"onmouseover="window.hit=1)

```html
<script>window.hit=1</script>
```"""


async def test_markup_in_any_text_stays_text(opened, ann, bob):
    project = await ann.make("/v1/projects", title=ATTACK[:200], description=MARKDOWN)
    await ann.make(f"/v1/projects/{project['id']}/members", username=bob.username, role="OWNER")
    await ann.make(f"/v1/projects/{project['id']}/webhooks", url="https://hooks.invalid/<img>", description=ATTACK)
    await bob.make("/v1/tokens", name=ATTACK, scopes=["tasks:read"])
    label = "<b onclick=window.hit=1>label</b>"
    task = await ann.make(
        "/v1/tasks", title=ATTACK, description=MARKDOWN, labels=[label], projectId=project["id"], assigneeId=bob.id
    )
    await ann.make(f"/v1/tasks/{task['id']}/comments", text=MARKDOWN)
    job = await ann.make("/v1/tasks", title=ATTACK, queue="jobs", payload={"<script>": ATTACK}, projectId=project["id"])
    leased = await ann.make("/v1/queues/jobs:lease", projectId=project["id"], worker=ATTACK[:128])
    await ann.make(f"/v1/leases/{leased['leases'][0]['leaseId']}:progress", percent=5, message=ATTACK)
    page = await opened(bob, f"projects/{project['id']}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(ATTACK[:200])
    await expect(page.locator(".card").filter(has_text=label)).to_contain_text(ATTACK)
    views = [f"projects/{project['id']}/{view}" for view in ("list", "queues", "members", "settings")]
    for place in (*views, f"tasks/{task['id']}", f"tasks/{job['id']}", "inbox", "mine", "tokens"):
        await page.goto(f"/#/{place}")
        await expect(page.get_by_text("onerror").first).to_be_attached()
        if place.endswith("settings"):
            await expect(page.locator(".webhook")).to_contain_text(ATTACK)
    await page.goto(f"/#/tasks/{task['id']}")
    await expect(page.locator(".task .markdown")).to_have_count(2)  # the description and the comment
    await page.get_by_text("History", exact=True).click()
    await expect(page.locator(".change").last).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await page.keyboard.type("onerror label")
    await page.goto(f"/#/projects/{project['id']}?filter={ATTACK[:20]}&label=<script>&assignee=<img>")
    links = await page.evaluate("[...document.links].map((link) => link.protocol)")
    assert set(links) <= {"http:", "https:", "mailto:"}
    assert await page.locator("img, body script, iframe, [onerror], [onclick], [onload]").count() == 0
    assert await page.evaluate("window.hit") is None


async def test_a_link_of_markdown_leads_out_without_telling_where_from(opened, ann, project):
    task = await ann.make(
        "/v1/tasks", title="Link", description="See <https://example.com/a_(b)>.", projectId=project["id"]
    )
    page = await opened(ann, f"tasks/{task['id']}")
    link = page.get_by_role("link", name="https://example.com/a_(b)")
    await expect(link).to_have_attribute("href", "https://example.com/a_(b)")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow ugc")


async def test_code_that_is_not_ours_is_refused_by_the_browser(opened, ann):
    page = await opened(ann)
    refused = await page.evaluate("""() => {
        const refuses = (work) => { try { work(); return false; } catch { return true; } };
        return [
            refuses(() => { document.body.innerHTML = '<b>x</b>'; }),
            refuses(() => { document.createElement('script').text = 'window.hit = 1'; }),
            refuses(() => { document.body.setAttribute('onclick', 'window.hit = 1'); }),
        ];
    }""")
    assert refused == [True, True, True]
    assert await page.evaluate("window.hit") is None


async def test_the_secret_of_a_mailed_link_does_not_stay_in_the_address(opened, ann):
    page = await opened(ann)
    await page.goto("/#/confirm?token=s3cret")
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("alert").filter(has_text="link")).to_be_visible()
    assert "s3cret" not in page.url
