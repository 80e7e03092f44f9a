"""`taskbell preferences`, `taskbell mail` and `taskbell explain`, as typed."""

import asyncio

from tests.integration.cli.terminal import Terminal


async def test_preferences_are_shown_and_changed_by_what_is_named(ann: Terminal) -> None:
    before = await ann.json("preferences")
    assert (before["timeZone"], before["language"], before["digest"]) == ("UTC", "en", "OFF")
    named = ("--time-zone", "Europe/Moscow", "--language", "ru", "--quiet", "22:00-07:00", "--digest", "daily")
    rules = ("--mail", "all=digest", "--mail", "overdue=instant", "--inbox", "due-soon=off")
    after = await ann.json("preferences", "set", *named, "--digest-hour", "0", *rules)
    assert after == await ann.rest("/v1/notifications/preferences")
    assert (after["quietHours"], after["digestHour"]) == ({"start": "22:00", "end": "07:00"}, 0)
    kept = {rule["reason"]: rule for rule in after["rules"]}
    assert kept.pop("OVERDUE") == {"reason": "OVERDUE", "inbox": True, "email": "INSTANT"}
    assert kept.pop("DUE_SOON") == {"reason": "DUE_SOON", "inbox": False, "email": "DIGEST"}
    assert all(rule["inbox"] and rule["email"] == "DIGEST" for rule in kept.values())
    shown = (await ann.ok("preferences")).splitlines()
    assert shown[:4] == [
        "Time zone    Europe/Moscow",
        "Language     ru",
        "Quiet hours  22:00-07:00",
        "Digest       daily, at 0:00",
    ]
    assert "due_soon   off    digest" in shown
    cleared = await ann.json("preferences", "set", "--clear", "rules", "--clear", "digest", "--clear", "quiet")
    assert (cleared["digest"], "quietHours" in cleared, cleared["timeZone"]) == ("OFF", False, "Europe/Moscow")


async def test_what_cannot_be_is_said_with_its_name(ann: Terminal) -> None:
    for arguments, code, told in (
        ((), 2, "there is nothing to change"),
        (("--quiet", "at night"), 2, "'at night' is no part of a day"),
        (("--mail", "birthday=off"), 2, "'birthday' is no reason"),
        (("--mail", "failed=later"), 2, "write failed=instant|digest|off"),
        (("--digest", "daily", "--clear", "digest"), 2, "can't be set and cleared at once"),
        (("--time-zone", "Mars/Olympus"), 67, "preferences.time_zone: 'Mars/Olympus' must be a time zone"),
        (("--language", "de"), 67, "preferences.language: 'de' must be en or ru"),
        (("--quiet", "25:00-07:00"), 67, "preferences.quiet_hours.start"),
        (("--mail", "failed=digest"), 67, "must be HOURLY or DAILY"),
    ):
        printed = await ann.run("preferences", "set", *arguments)
        assert printed.code == code
        assert told in printed.err


async def test_the_way_of_an_event_is_explained_from_its_commit_to_the_mail_server(ann: Terminal) -> None:
    me = await ann.rest("/v1/users/me")
    await ann.make("/v1/tasks", title="Paint", assigneeId=me["id"])
    async with asyncio.timeout(60):
        while not (sent := (await ann.rest("/v1/deliveries?state=SENT"))["deliveries"]):  # noqa: ASYNC110 - others do it
            await asyncio.sleep(0.1)
    event = sent[0]["eventId"]
    assert await ann.json("explain", event) == await ann.rest(f"/v1/events/{event}:explain")
    told = dict(line.split("  ", 1) for line in (await ann.ok("explain", event)).splitlines())
    assert told["Event"].strip() == event
    assert told["Commit"].endswith(f"task.created by {ann.username}")
    assert told["Stream"].strip().startswith("sequence ")
    assert (told["Concerns you"], told["Your inbox"].split()[0]) == ("ASSIGNED", "UNREAD")
    assert "SENT" in told["Your mail"]
    assert "1 try  250 " in told["Your mail"]
    notification = (await ann.json("inbox"))["notifications"][0]
    assert await ann.json("explain", notification["id"][-8:]) == await ann.json("explain", event)
    assert "SENT" in await ann.ok("mail", "list", "--state", "sent")


async def test_a_mail_that_was_not_given_up_is_not_retried(ann: Terminal, bob: Terminal) -> None:
    me = await ann.rest("/v1/users/me")
    await ann.make("/v1/tasks", title="Paint", assigneeId=me["id"])
    async with asyncio.timeout(60):
        while not (sent := (await ann.rest("/v1/deliveries?state=SENT"))["deliveries"]):  # noqa: ASYNC110 - others do it
            await asyncio.sleep(0.1)
    printed = await ann.run("mail", "retry", sent[0]["id"][-8:])
    assert (printed.code, "DELIVERY_NOT_DEAD" in printed.err) == (73, True)
    assert (await bob.run("mail", "retry", sent[0]["id"])).code == 69
    assert (await bob.run("explain", sent[0]["eventId"])).code == 69
