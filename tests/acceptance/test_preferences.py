"""What people want to be told, as their clients over REST rely on it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.acceptance.conftest import Newcomer, Person
from tests.acceptance.system import System
from tests.mailbox import Mailbox

PATH = "/v1/notifications/preferences"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def mails(system: System) -> AsyncIterator[Mailbox]:
    async with Mailbox(system.mail_url) as box:
        yield box


@pytest.fixture
async def ann(newcomer: Newcomer) -> Person:
    """Somebody who has said nothing yet."""
    return await newcomer()


async def test_preferences_change_as_any_resource_does(ann: Person) -> None:
    read = await ann.ask("GET", PATH)
    assert read.headers["ETag"] == f'"{read.body["etag"]}"'
    quiet = {"start": "22:00", "end": "07:00"}
    changed = await ann.ask(
        "PATCH",
        PATH,
        {"timeZone": "Europe/Moscow", "quietHours": quiet, "digestHour": 0},
        If_Match=read.headers["ETag"],
    )
    assert (changed.status, changed.body["quietHours"], changed.body["digestHour"]) == (200, quiet, 0)
    stale = await ann.ask("PATCH", PATH, {"language": "ru"}, If_Match=read.headers["ETag"])
    assert (stale.status, stale.reason) == (412, "ETAG_MISMATCH")
    moved = await ann.ask("PATCH", PATH, {"quietHours": {"end": "08:00"}})
    assert moved.body["quietHours"] == {"start": "22:00", "end": "08:00"}
    cleared = await ann.ask("PATCH", PATH, {"quietHours": None, "digestHour": None})
    assert ("quietHours" in cleared.body, cleared.body["digestHour"]) == (False, 8)
    assert cleared.body["timeZone"] == "Europe/Moscow"
    back = await ann.ask("PATCH", PATH, cleared.body)
    assert back.status == 200
    assert (await ann.ask("GET", PATH, If_None_Match=back.headers["ETag"])).status == 304


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        ({"timeZone": "Mars/Olympus"}, "INVALID_FIELD", "preferences.time_zone"),
        ({"language": "de"}, "INVALID_FIELD", "preferences.language"),
        ({"digest": "WEEKLY"}, "INVALID_FIELD", "digest"),
        ({"digestHour": 24}, "INVALID_FIELD", "preferences.digest_hour"),
        ({"quietHours": {"start": "24:00", "end": "07:00"}}, "INVALID_FIELD", "preferences.quiet_hours.start"),
        ({"quietHours": {"start": "22:00"}}, "INVALID_FIELD", "preferences.quiet_hours.end"),
        ({"rules": [{"reason": "BIRTHDAY"}]}, "INVALID_FIELD", "rules[0].reason"),
        ({"rules": [{"reason": "FAILED", "email": "DIGEST"}]}, "INVALID_FIELD", "preferences.digest"),
        ({"colour": "red"}, "UNKNOWN_FIELD", "colour"),
    ],
)
async def test_bad_preferences_are_refused_by_field(
    ann: Person, body: dict[str, object], reason: str, field: str
) -> None:
    answer = await ann.ask("PATCH", PATH, body)
    assert (answer.status, answer.reason) == (400, reason)
    violations = next(each["fieldViolations"] for each in answer.body["details"] if "fieldViolations" in each)
    assert any(each["field"].endswith(field) for each in violations)


async def test_one_click_in_a_mail_program_ends_its_kind_of_mails(system: System, ann: Person, mails: Mailbox) -> None:
    await ann.make("/v1/tasks", title="first", assigneeId=ann.id)
    (mail,) = await mails.arrived(f"to:{ann.username}@example.com subject:first")
    link = mail["Text"].partition("/unsubscribe?token=")[2].split()[0]
    async with ClientSession(system.http_url) as program:
        body = {"List-Unsubscribe": "One-Click"}
        async with program.post(f"/unsubscribe?token={link}", data=body) as response:
            assert response.status == 200
    rules = {rule["reason"]: rule["email"] for rule in (await ann.ask("GET", PATH)).body["rules"]}
    assert rules.pop("ASSIGNED") == "OFF"
    assert set(rules.values()) == {"INSTANT"}


async def test_the_way_of_an_event_and_of_its_mail_can_be_looked_up(ann: Person, mails: Mailbox) -> None:
    task = await ann.make("/v1/tasks", title="Paint", assigneeId=ann.id)
    (mail,) = await mails.arrived(f"to:{ann.username}@example.com subject:Paint")
    event = mail["MessageID"].partition(".")[0]
    told = (await ann.ask("GET", f"/v1/events/{event}:explain")).body
    assert (told["event"]["taskId"], told["event"]["taskVersion"], told["inStream"]) == (task["id"], 1, True)
    assert (told["reason"], told["inbox"]) == ("ASSIGNED", "UNREAD")
    missing = await ann.ask("GET", f"/v1/events/{task['id']}:explain")
    assert (missing.status, missing.reason) == (404, "EVENT_NOT_FOUND")
    listed = (await ann.ask("GET", "/v1/deliveries")).body["deliveries"]
    assert [each["eventId"] for each in listed] == [event]
    again = await ann.ask("POST", f"/v1/deliveries/{task['id']}:retry", {})
    assert (again.status, again.reason) == (404, "DELIVERY_NOT_FOUND")
