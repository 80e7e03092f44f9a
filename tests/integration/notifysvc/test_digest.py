"""Digests: many events in one mail, each once, whoever dies when."""

from typing import Any
from uuid import UUID

import asyncpg
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification

from notifysvc.fates import Hold
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
WHERE state = 4 AND id IN (SELECT id FROM notifysvc.notifications WHERE user_id = $1)
"""


async def due(database: str, person: Person) -> None:
    """Instead of waiting for the hour."""
    connection = await asyncpg.connect(database)
    await connection.execute(IT_IS_TIME, UUID(person.id))
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
            mails = await mailbox.arrived(f"to:{person.email}", 1, within=20)
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
