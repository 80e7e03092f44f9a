"""Digests: many events in one mail, each once, whoever dies when."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification

from notifysvc.fates import Hold, State
from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.preferring import Preferring, rule
from tests.integration.notifysvc.publisher import Publisher
from tests.mailbox import Mailbox

RULES: list[Any] = [
    rule(reason, email=pb.PreferenceRule.DIGEST) for reason in (Notification.ASSIGNED, Notification.COMPLETED)
]
IT_IS_TIME = """
UPDATE notifysvc.mails SET next_time = now()
WHERE state = $2 AND id IN (SELECT id FROM notifysvc.notifications WHERE user_id = $1)
"""


async def due(database: str, person: Person, state: State = State.GATHERED) -> None:
    """Instead of waiting for the hour."""
    connection = await asyncpg.connect(database)
    await connection.execute(IT_IS_TIME, UUID(person.id), state)
    await connection.close()


async def test_one_mail_tells_of_all_events_by_task_and_urgent_ones_come_at_once(
    preferring: Preferring, database: str, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    person, boss = peer.person(project), peer.person(project)
    await preferring.set(person, digest=pb.Preferences.DAILY, rules=RULES)
    milk = await publisher.task(project, by=boss, to=person, title="Milk")
    await publisher.task(project, by=boss, to=person, title="Bread")
    await publisher.task(project, "completed", task_id=milk.task_id, by=boss, to=person, title="Milk")
    await publisher.task(project, "failed", task_id=milk.task_id, by=boss, to=person, title="Milk")
    (at_once,) = await mailbox.arrived(f"to:{person.email}")
    assert at_once["Subject"] == "Failed: Milk"
    rows = await preferring.mails(person, 4)
    assert [row["hold"] for row in rows[:3]] == [Hold.DIGEST] * 3
    await due(database, person)
    digest, _ = await mailbox.arrived(f"to:{person.email}", 2)
    assert digest["Subject"] == "Digest: 3 events in 2 tasks"
    for task, lines in (("Milk", 2), ("Bread", 1)):
        part = digest["Text"].split(f"\n{task}\n")[1].split("\n\n")[0]
        assert part.count(f"{boss.name} ") == lines


async def test_nothing_is_mailed_of_a_project_to_whoever_was_removed_from_it_meanwhile(
    preferring: Preferring, database: str, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    left = str(uuid4())
    person, another = peer.person(project, left), peer.person(left)
    for each in (person, another):
        await preferring.set(each, digest=pb.Preferences.DAILY, rules=RULES)
        await publisher.task(left, to=each, title="A secret of the others")
    await publisher.task(project, to=person, title="Milk")
    await publisher.task(left, to=person, title="Another secret of the others")  # the newest carries the digest
    for each in (person, another):
        await publisher.remove(each, left)
        await preferring.left(each)
        await due(database, each)
    (digest,) = await mailbox.arrived(f"to:{person.email}")
    assert digest["Subject"] == "Digest: 1 event in 1 task"
    assert "secret" not in digest["Text"]
    assert (await preferring.held(another, Hold.NOT_A_MEMBER))["state"] == State.WITHHELD
    assert not await mailbox.find(f"to:{another.email}")


async def test_a_digest_that_waits_for_the_end_of_the_night_leaves_out_what_is_not_the_readers_any_more(
    preferring: Preferring, database: str, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    left = str(uuid4())
    person = peer.person(project, left)
    now = datetime.now(UTC)
    night = pb.QuietHours(start=f"{now - timedelta(hours=1):%H:%M}", end=f"{now + timedelta(hours=2):%H:%M}")
    await preferring.set(person, digest=pb.Preferences.DAILY, rules=RULES, quiet_hours=night)
    await publisher.task(project, to=person, title="Milk")
    await publisher.task(left, to=person, title="A secret of the others")
    await preferring.mails(person, 2)
    await due(database, person)
    async with asyncio.timeout(60):
        while Hold.QUIET_HOURS not in [row["hold"] for row in await preferring.mails(person, 2)]:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    await publisher.remove(person, left)
    await preferring.left(person)
    await preferring.set(person, quiet_hours=None)
    await due(database, person, State.DIGEST)
    (digest,) = await mailbox.arrived(f"to:{person.email}")
    assert digest["Subject"] == "Digest: 1 event in 1 task"
    assert "secret" not in digest["Text"]


async def test_digests_of_two_replicas_tell_each_event_once(
    preferring: Preferring,
    start_replica: StartReplica,
    database: str,
    peer: Peer,
    publisher: Publisher,
    project: str,
    mailbox: Mailbox,
) -> None:
    await start_replica()
    people = [peer.person(project) for _ in range(5)]
    for person in people:
        await preferring.set(person, digest=pb.Preferences.HOURLY, rules=RULES)
    for number in range(8):
        for person in people:
            await publisher.task(project, to=person, title=f"Task {number}.")
        if number % 2:
            for person in people:
                await due(database, person)  # those that have come
    for person in people:
        await preferring.mails(person, 8)
        await due(database, person)
    told: list[str] = []
    for person in people:
        count = 0
        while count < 8:
            mails = await mailbox.arrived(f"to:{person.email}")
            texts = "".join(mail["Text"] for mail in mails)
            count = texts.count("assigned to you")
        told.append(texts)
    for text in told:
        assert [text.count(f"Task {number}.\n") for number in range(8)] == [1] * 8


async def test_what_waits_for_digests_is_told_at_once_when_there_are_none_any_more(
    preferring: Preferring, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    person = peer.person(project)
    await preferring.set(person, digest=pb.Preferences.DAILY, rules=RULES)
    await publisher.task(project, to=person, title="Milk")
    await preferring.mails(person, 1)
    await preferring.set(person, digest=pb.Preferences.OFF, rules=[])
    (mail,) = await mailbox.arrived(f"to:{person.email}")
    assert mail["Subject"] == "Digest: 1 event in 1 task"
