"""What the system does by itself: it reminds people of deadlines, and makes the next task of a series."""

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tests.acceptance.conftest import Json, Newcomer, Person
from tests.acceptance.system import System
from tests.acceptance.test_main_job import frame, mail_to, unread, websocket


@pytest.fixture
async def eve(newcomer: Newcomer) -> Person:
    return await newcomer()


def moment(from_now: timedelta) -> str:
    return (datetime.now(UTC) + from_now).isoformat().replace("+00:00", "Z")


async def test_a_late_task_is_told_of_live_in_the_inbox_and_by_mail(
    system: System, http: aiohttp.ClientSession, eve: Person
) -> None:
    async with websocket(eve) as socket:
        await socket.send_json({"subscribe": {"id": "mine", "inbox": True}})
        await frame(socket, "subscribed")
        await eve.make("/v1/tasks", title="Return the books", dueTime=moment(-timedelta(minutes=1)))
        await unread(socket, 1)
    (told,) = (await eve.ask("GET", "/v1/notifications")).body["notifications"]
    assert (told["reason"], told["event"]["type"]) == ("OVERDUE", "task.overdue")
    (mail,) = await mail_to(system, http, eve, 1)
    assert mail["Subject"] == "Overdue: Return the books"


async def test_a_task_that_recurs_is_there_again_when_it_is_done(eve: Person) -> None:
    due = moment(timedelta(days=1))
    first = await eve.make("/v1/tasks", title="Water the plants", dueTime=due, recurrence="FREQ=DAILY;INTERVAL=3")
    assert (first["recurrenceMode"], first["seriesId"]) == ("AFTER_END", first["id"])
    await eve.make(f"/v1/tasks/{first['id']}:complete")
    async with asyncio.timeout(60):
        while len(tasks := await open_tasks(eve)) != 1:  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)
    (second,) = tasks
    assert (second["title"], second["seriesId"]) == ("Water the plants", first["id"])
    assert datetime.fromisoformat(second["dueTime"]) - datetime.fromisoformat(first["dueTime"]) == timedelta(days=3)


async def open_tasks(person: Person) -> list[Json]:
    tasks: list[Json] = (await person.ask("GET", "/v1/tasks?filter=status%3DPENDING")).body["tasks"]
    return tasks


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"recurrence": "every monday"}, "task.recurrence", "must be one of FREQ"),
        ({"recurrence": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "task.recurrence", "never comes"),
        ({"recurrence": "FREQ=SECONDLY"}, "task.recurrence", "oftener than once a minute"),
        ({"recurrence": "FREQ=DAILY;" + "X" * 500}, "task.recurrence", "500"),
        ({"recurrence": "FREQ=DAILY", "recurrenceTimeZone": "Mars"}, "task.recurrence_time_zone", "time zone"),
        ({"recurrenceMode": "ON_SCHEDULE"}, "task.recurrence_mode", "needs a `recurrence`"),
    ],
)
async def test_a_rule_that_can_not_be_meant_is_refused_by_name(
    eve: Person, fields: Json, field: str, said: str
) -> None:
    answer = await eve.ask("POST", "/v1/tasks", {"title": "t", **fields})
    assert (answer.status, answer.reason) == (400, "INVALID_FIELD")
    (violation,) = next(each["fieldViolations"] for each in answer.body["details"] if "fieldViolations" in each)
    assert violation["field"] == field
    assert said in violation["description"]
