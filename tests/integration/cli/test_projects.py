"""Projects and their members, as typed."""

from tests.integration.cli.terminal import Terminal


async def test_a_project_from_its_creation_to_its_end(ann: Terminal) -> None:
    made = await ann.json("project", "create", "Summer house", "-d", "-", stdin="The *garden*.")
    assert (made["title"], made["description"], made["role"]) == ("Summer house", "The *garden*.", "OWNER")
    shown = await ann.json("project", "show", "SUMMER house")
    assert shown == made == await ann.rest(f"/v1/projects/{made['id']}")
    assert await ann.json("project", "show", made["id"][-8:]) == made
    edited = await ann.json("project", "edit", "Summer house", "--title", "Winter house")
    assert (edited["title"], edited["description"]) == ("Winter house", "The *garden*.")
    assert "PROJECT_NOT_FOUND" in await ann.refused(69, "project", "show", "Summer house")
    assert "nothing to change" in await ann.refused(2, "project", "edit", "Winter house")
    assert "--yes" in await ann.refused(2, "project", "rm", "Winter house")
    assert (await ann.json("project", "rm", "Winter house", "--yes"))["deleteTime"]
    listed = await ann.json("project", "list")
    assert [each["personal"] for each in listed["projects"]] == [True]
    assert listed == await ann.rest("/v1/projects")


async def test_members_come_go_and_change(ann: Terminal, bob: Terminal) -> None:
    await ann.ok("project", "create", "Choir")
    member = await ann.json("project", "add-member", "Choir", bob.username, "--role", "viewer")
    assert (member["username"], member["role"]) == (bob.username, "VIEWER")
    assert "MEMBER_EXISTS" in await ann.refused(70, "project", "add-member", "Choir", bob.username)
    assert "ROLE_TOO_LOW" in await bob.refused(71, "project", "edit", "Choir", "--title", "Bob's")
    assert (await ann.json("project", "role", "Choir", bob.username, "OWNER"))["role"] == "OWNER"
    members = await bob.json("project", "members", "Choir")
    assert {each["username"]: each["role"] for each in members["members"]} == dict.fromkeys(
        (ann.username, bob.username), "OWNER"
    )
    assert bob.username in await ann.ok("project", "members", "Choir")
    await ann.ok("project", "remove-member", "Choir", ann.username)
    assert "LAST_OWNER" in await bob.refused(73, "project", "remove-member", "Choir", "me")
    assert "PROJECT_NOT_FOUND" in await ann.refused(69, "project", "show", "Choir")


async def test_titles_that_two_projects_share_are_not_guessed(ann: Terminal) -> None:
    twins = [await ann.json("project", "create", "Twins") for _ in range(2)]
    told = await ann.refused(2, "project", "show", "twins")
    assert all(twin["id"] in told for twin in twins)


async def test_an_owner_is_told_what_webhooks_are_signed_with(ann: Terminal) -> None:
    made = await ann.json("project", "create", "Hooks")
    told = await ann.json("project", "webhook-secret", "Hooks")
    assert told == await ann.rest(f"/v1/projects/{made['id']}/webhookSecret")
    assert told["secret"] in await ann.ok("project", "webhook-secret", "Hooks")
