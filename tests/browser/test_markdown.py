"""What people write as Markdown is shown as they mean it."""

import pytest
from playwright.async_api import expect


@pytest.mark.parametrize(
    ("text", "block", "spans", "rest"),
    [
        ("```a``` b\n\nlater", [], ["a"], ["a b", "later"]),  # a span: what follows a fence holds no backtick
        ("text\n```a``` b", [], ["a"], ["texta b"]),
        ("```js\nx\n``` y\nz\n```\n\nlater", ["x\n``` y\nz"], [], ["later"]),  # what has more than a fence ends none
        ("~~~ a`b\nx\n~~~~\n\nlater", ["x"], [], ["later"]),
    ],
)
async def test_blocks_and_spans_of_code_are_told_apart(opened, ann, project, text, block, spans, rest):
    task = await ann.make("/v1/tasks", title="Code", projectId=project["id"], description=text)
    page = await opened(ann, f"tasks/{task['id']}")
    shown = page.locator(".task .markdown")
    await expect(shown).to_be_visible()
    assert await shown.locator("pre").all_text_contents() == block
    assert await shown.locator("p code").all_text_contents() == spans
    assert await shown.locator("p").all_text_contents() == rest


async def test_the_members_that_a_text_names_are_marked(opened, ann, bob, project):
    named = f"@{bob.username}, **@{ann.username.upper()}.** and @nobody-here"
    unnamed = f"`@{bob.username}` x@{bob.username} \\@{bob.username}\n\n```\n@{bob.username}\n```"
    task = await ann.make("/v1/tasks", title="Names", projectId=project["id"], description=f"{named} {unnamed}")
    await ann.make(f"/v1/tasks/{task['id']}/comments", text=f"Not @{bob.username}s but @{bob.username}")
    page = await opened(ann, f"tasks/{task['id']}")
    described = page.get_by_role("region", name="Description").locator(".mentioned")
    await expect(described).to_have_text([f"@{bob.username}", f"@{ann.username.upper()}"])
    await expect(page.locator(".comment .mentioned")).to_have_text([f"@{bob.username}"])
    await expect(page.locator(".comment .markdown")).to_have_text(f"Not @{bob.username}s but @{bob.username}")
