"""What else people do on the page: search, comments, the inbox, queues, members, projects."""

import re

from playwright.async_api import expect

from tests.browser.test_everybody import complaints
from tests.mailbox import Mailbox


async def test_search_finds_while_one_types_and_marks_the_words(opened, ann, project, board):
    await ann.make(
        "/v1/tasks", title="Painting the shed", projectId=project["id"], description="Two coats of green paint."
    )
    await ann.make("/v1/tasks", title="Купить новые книги", projectId=project["id"])
    page = await opened(ann, board)
    await page.keyboard.press("/")
    dialog = page.get_by_role("dialog", name="Search")
    await expect(dialog.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("paint shed")
    await expect(dialog.get_by_role("option").filter(has_text="Painting the shed")).to_be_visible()
    await expect(dialog.locator("mark").first).to_have_text(re.compile("Painting|paint|shed"))
    await dialog.get_by_role("combobox").fill("книга")  # another form of the word
    hit = dialog.get_by_role("option").filter(has_text="Купить новые книги")
    await expect(hit).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("complementary", name="Task details")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Title")).to_have_value("Купить новые книги")


async def test_a_comment_appears_at_once_on_the_others_page_and_can_be_changed(opened, ann, bob, project):
    task = await ann.make("/v1/tasks", title="Fence", projectId=project["id"])
    hers, his = await opened(ann, f"tasks/{task['id']}"), await opened(bob, f"tasks/{task['id']}")
    await hers.get_by_placeholder("Write a comment").fill("It is **rotten**, sadly")
    await hers.get_by_role("button", name="Comment", exact=True).click()
    await expect(his.locator(".comment")).to_contain_text(["It is rotten, sadly"])
    await expect(his.locator(".comment strong", has_text="rotten")).to_be_visible()
    await his.get_by_placeholder("Write a comment").fill("half written")  # is not lost when something else changes
    await hers.locator(".comment").get_by_role("button", name="Edit").click()
    await hers.locator(".comment textarea").fill("It is fine")
    await hers.locator(".comment").get_by_role("button", name="Save").click()
    await expect(his.locator(".comment")).to_contain_text(["It is fine"])
    await expect(his.get_by_placeholder("Write a comment")).to_have_value("half written")
    await hers.locator(".comment").get_by_role("button", name="Delete").click()
    await expect(his.locator(".comment")).to_have_count(0)


async def test_what_is_edited_does_not_stand_beside_its_editor(opened, ann, project):
    task = await ann.make("/v1/tasks", title="Fence", projectId=project["id"], description="old")
    comment = await ann.make(f"/v1/tasks/{task['id']}/comments", text="rotten")
    page = await opened(ann, f"tasks/{task['id']}")
    await expect(page.locator(".task .markdown")).to_have_text(["old", "rotten"])
    await ann.ask("PATCH", f"/v1/tasks/{task['id']}", {"description": "new"})
    await ann.ask("PATCH", f"/v1/tasks/{task['id']}/comments/{comment['id']}", {"text": "fine"})
    await expect(page.locator(".task .markdown")).to_have_text(["new", "fine"])
    await page.locator(".comment").get_by_role("button", name="Edit").click()
    await page.get_by_role("region", name="Description").get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("textbox", name="Description")).to_have_value("new")
    await expect(page.locator(".task .markdown")).to_have_count(0)


async def test_the_name_of_a_member_is_completed_in_a_comment(opened, ann, bob, project):
    task = await ann.make("/v1/tasks", title="Fence", projectId=project["id"])
    page = await opened(ann, f"tasks/{task['id']}")
    text = page.get_by_placeholder("Write a comment")
    await text.press_sequentially("mail@")
    members = page.get_by_role("listbox", name="Members")
    await expect(members).to_have_count(0)  # an address is no mention
    await text.press_sequentially(f", ask @{bob.username[:2]}")
    await expect(members.get_by_role("option", name=bob.username, exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    assert await complaints(page) == []
    await page.keyboard.press("Escape")  # leaves the names, not the task
    await expect(members).to_have_count(0)
    await text.press_sequentially(bob.username[2])
    await page.keyboard.press("Enter")
    await expect(text).to_have_value(f"mail@, ask @{bob.username} ")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".comment")).to_contain_text([f"ask @{bob.username}"])


async def test_what_could_not_be_read_is_said_once_and_can_be_tried_again(opened, ann, project, board):
    await ann.make("/v1/tasks", title="Fence", projectId=project["id"])
    page = await opened(ann)
    await page.route("**/v1/tasks?**", lambda route: route.fulfill(status=500, json={"message": "Out of order."}))
    for place in (board, f"{board}/list"):
        await page.goto(f"/#/{place}")
        await expect(page.get_by_role("alert").filter(has_text="Out of order.")).to_have_count(1)
        assert await complaints(page) == []
    await page.unroute("**/v1/tasks?**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".row")).to_contain_text(["Fence"])
    await expect(page.get_by_text("Out of order.")).to_have_count(0)


async def test_the_fields_of_a_task_are_changed_and_its_history_tells(opened, ann, project):
    task = await ann.make("/v1/tasks", title="Gate", projectId=project["id"])
    page = await opened(ann, f"tasks/{task['id']}")
    await page.get_by_label("Priority").last.select_option("URGENT")
    await page.get_by_label("Assignee").last.select_option(label=ann.username)
    await page.get_by_label("Labels").fill("iron")
    await page.keyboard.press("Enter")
    await expect(page.locator(".labels .tag")).to_have_text(["iron"])
    await page.get_by_role("button", name="Add a description").click()
    await page.get_by_role("textbox", name="Description").fill("# Plan\n- [ ] buy hinges")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("checkbox", name="buy hinges")).to_be_visible()
    await page.get_by_text("History").click()
    await expect(page.locator(".change").filter(has_text="Normal → Urgent")).to_be_visible()
    await expect(page.locator(".change").last).to_contain_text("created the task")
    async with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.locator(".card")).to_have_count(0)
    await page.locator(".toast").filter(has_text="is deleted").get_by_role("button", name="Undo").click()
    await expect(page.locator(".card")).to_contain_text(["Gate"])


async def test_a_task_shows_its_parts_and_what_it_waits_for(opened, ann, project):
    async def task(title: str, **more):
        return await ann.make("/v1/tasks", title=title, projectId=project["id"], **more)

    tools = await task("Borrow the tools")
    floor = await task("Lay the floor", blockedBy=[tools["id"]])
    await task("Cut the boards", parentId=floor["id"])
    page = await opened(ann, f"tasks/{floor['id']}")
    waits, parts = page.get_by_role("region", name="Waits for"), page.get_by_role("region", name="Parts")
    await expect(waits.get_by_role("listitem")).to_have_text(["To doBorrow the tools"])
    await ann.make(f"/v1/tasks/{tools['id']}:complete")
    await expect(waits.get_by_role("listitem")).to_have_text(["DoneBorrow the tools"])
    await task("Oil the boards", parentId=floor["id"])
    await expect(parts.get_by_role("link")).to_have_text(["Cut the boards", "Oil the boards"])
    assert await complaints(page) == []
    await parts.get_by_role("link", name="Oil the boards").click()
    await expect(page.get_by_role("region", name="Part of").get_by_role("link")).to_have_text(["Lay the floor"])


async def test_the_history_names_the_tasks_that_are_waited_for(opened, ann, project):
    async def task(title: str):
        return await ann.make("/v1/tasks", title=title, projectId=project["id"])

    floor, tools, boards, whole = [
        await task(title) for title in ("Lay the floor", "Borrow tools", "Cut boards", "House")
    ]
    for blockers in ([tools["id"]], [boards["id"]], [tools["id"], boards["id"]]):
        await ann.ask("PATCH", f"/v1/tasks/{floor['id']}", {"blockedBy": blockers})
    await ann.ask("PATCH", f"/v1/tasks/{floor['id']}", {"parentId": whole["id"]})
    page = await opened(ann, f"tasks/{floor['id']}")
    await page.get_by_text("History").click()
    changes = page.locator(".change li")
    await expect(changes).to_contain_text(
        [
            "part of: — → House",
            "waits for: Cut boards → Borrow tools, Cut boards",
            "waits for: Borrow tools → Cut boards",
            "waits for: — → Borrow tools",
        ]
    )


async def test_a_link_to_a_task_that_is_not_there_leads_home_when_it_is_closed(opened, newcomer):
    page = await opened(await newcomer(), "tasks/00000000-0000-7000-8000-000000000000")
    await expect(page.get_by_text("There is no task")).to_be_visible()
    await page.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("heading", name="Personal")).to_be_visible()


async def test_the_inbox_counts_what_is_new_and_is_cleared(opened, ann, bob, project):
    page = await opened(bob, "inbox")
    await ann.make("/v1/tasks", title="For Bob", projectId=project["id"], assigneeId=bob.id)
    note = page.locator(".note").filter(has_text="For Bob")
    await expect(note).to_contain_text(f"{ann.username} gave you a task")
    await expect(page).to_have_title(re.compile(r"\(\d+\) Inbox"))
    await note.get_by_role("button", name="Mark as read").click()
    await expect(note.get_by_role("button", name="Mark as unread")).to_be_visible()
    await note.get_by_role("button", name="Archive").click()
    await expect(note).to_have_count(0)
    await page.get_by_role("button", name="Archived", exact=True).click()
    await expect(note).to_be_visible()
    await page.get_by_role("button", name="All", exact=True).click()
    if await page.get_by_role("button", name="Mark all as read").is_enabled():
        await page.get_by_role("button", name="Mark all as read").click()
    await expect(page).to_have_title("Inbox · Taskbell")
    await expect(page.locator(".side .badge")).to_have_count(0)


async def test_a_job_shows_how_far_it_is_and_its_queue_is_paused(opened, ann, project, board):
    task = await ann.make("/v1/tasks", title="Resize pictures", projectId=project["id"], queue="pictures")
    page = await opened(ann, board)
    leased = await ann.make("/v1/queues/pictures:lease", projectId=project["id"], worker="lamp-1", leaseDuration="300s")
    lease = leased["leases"][0]["leaseId"]
    for percent in (10, 60):
        await ann.make(f"/v1/leases/{lease}:progress", percent=percent, message=f"{percent} of 100")
        await expect(page.locator(".card")).to_contain_text([f"{percent} of 100"])
    assert await page.get_by_role("progressbar").get_attribute("value") == "60"
    await page.get_by_role("link", name="Queues").click()
    queue = page.locator("[data-queue=pictures]")
    await expect(queue.locator(".figure-running dd")).to_have_text("1")
    await expect(queue.locator(".workers")).to_contain_text("lamp-1")
    async with page.expect_response("**:pause"):
        await queue.get_by_role("button", name="Pause").click()
    await expect(queue.get_by_text("paused", exact=True)).to_be_visible()
    assert "pauseTime" in (await ann.ask("GET", f"/v1/queues/pictures?projectId={project['id']}")).body
    await ann.make(f"/v1/leases/{lease}:complete", result={"files": 100})
    await expect(queue.locator(".figure-completed dd")).to_have_text("1")
    await queue.get_by_role("button", name="Resume").click()
    await expect(queue.get_by_text("paused", exact=True)).to_have_count(0)
    await page.goto(f"/#/tasks/{task['id']}")
    await expect(page.get_by_text('"files": 100')).to_be_visible()


async def test_a_project_is_made_shared_renamed_and_deleted(opened, ann, bob):
    page, his = await opened(ann), await opened(bob)
    await page.get_by_role("button", name="New project").click()
    await page.get_by_role("dialog").get_by_label("Title").fill("Boat")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Boat", level=1)).to_be_visible()
    await page.get_by_role("link", name="Members").click()
    await page.get_by_label("Username").fill("nobody-at-all")
    await page.get_by_role("button", name="Add member").click()
    await expect(page.get_by_role("alert").filter(has_text="There is no such user.")).to_be_visible()
    await page.get_by_label("Username").fill(bob.username)
    await page.get_by_label("Role", exact=True).select_option("VIEWER")
    await page.get_by_role("button", name="Add member").click()
    await expect(page.get_by_label(f"Role of {bob.username}")).to_have_value("VIEWER")
    await his.get_by_role("link", name="Boat").click()  # it came by itself
    await expect(his.get_by_role("heading", name="Boat", level=1)).to_be_visible()
    await expect(his.get_by_placeholder("Add a task")).to_have_count(0)  # viewers read
    await page.get_by_label(f"Role of {bob.username}").select_option("EDITOR")
    await expect(his.get_by_placeholder("Add a task")).to_be_visible()
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_label("Title").fill("Old boat")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("link", name="Old boat")).to_be_visible()
    await page.get_by_role("button", name="Delete project").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete project").click()
    await expect(page.get_by_role("link", name="Old boat")).to_have_count(0)


async def test_preferences_are_kept(opened, newcomer):
    page = await opened(await newcomer(), "preferences")
    await page.get_by_label("Language of mails").select_option("ru")
    await page.get_by_label("Quiet hours").check()
    await page.get_by_label("To", exact=True).fill("08:30")
    await page.get_by_label("Digest", exact=True).select_option("DAILY")
    await page.get_by_label("a task of mine is completed: E-mail").select_option("DIGEST")
    await page.get_by_label("a task of mine fails: Inbox").uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The preferences are saved")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Language of mails")).to_have_value("ru")
    await expect(page.get_by_label("Quiet hours")).to_be_checked()
    await expect(page.get_by_label("To", exact=True)).to_have_value("08:30")
    await expect(page.get_by_label("a task of mine is completed: E-mail")).to_have_value("DIGEST")
    await expect(page.get_by_label("a task of mine fails: Inbox")).not_to_be_checked()
    await page.get_by_label("Digest", exact=True).select_option("OFF")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("must be HOURLY or DAILY while rules say DIGEST")).to_be_visible()
    await expect(page.get_by_label("Digest", exact=True)).to_be_focused()


async def test_a_forgotten_password_is_set_anew_by_the_link_in_a_mail(opened, newcomer, chromium, stack, http):
    eve = await newcomer()
    context = await chromium.new_context(base_url=stack.http_url, locale="en-GB")
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_role("link", name="Forgotten password?").click()
    await page.get_by_label("E-mail").fill(eve.user["email"])
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    async with Mailbox(stack.mail_url) as mailbox:
        (mail,) = await mailbox.arrived(f'to:{eve.user["email"]} subject:"Set a new password"')
    await page.goto(re.findall(r"/#/reset\?token=\S+", mail["Text"])[0])
    await page.get_by_label("New password").fill("a better horse")
    await page.get_by_role("button", name="Set the password").click()
    await page.get_by_role("link", name="Sign in", exact=True).click()
    await page.get_by_label("Username").fill(eve.username)
    await page.get_by_label("Password").fill("a better horse")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Personal")).to_be_visible()
    await context.close()
