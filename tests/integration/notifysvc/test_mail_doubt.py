"""A mailer that dies when the server has a mail and has not said so."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import grpc.aio
import pytest_asyncio
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification

from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.postman import Postman
from tests.integration.notifysvc.preferring import Preferring, rule
from tests.integration.notifysvc.publisher import Publisher

IT_IS_TIME = """
UPDATE notifysvc.mails AS m SET next_time = now() FROM notifysvc.notifications AS n
WHERE n.id = m.id AND n.user_id = $1 AND m.digest IS NULL
"""
LEASE_IS_OVER = """
UPDATE notifysvc.mails AS m SET next_time = now() FROM notifysvc.notifications AS n
WHERE n.id = m.id AND n.user_id = $1 AND m.leased
"""
ALL_AT_ONCE = """
UPDATE notifysvc.mails AS m SET next_time = now() + $2::interval, attempt = $3
FROM notifysvc.notifications AS n WHERE n.id = m.id AND n.user_id = $1 AND m.state = 1
"""
CLAIMED = """
SELECT count(*) FROM notifysvc.mails JOIN notifysvc.notifications USING (id)
WHERE user_id = $1 AND mails.state = 1 AND attempt > $2
"""
DOUBTS = "SELECT sum(doubts) FROM notifysvc.mails JOIN notifysvc.notifications USING (id) WHERE user_id = $1"


@pytest_asyncio.fixture(loop_scope="session")
async def rows(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_it_comes_again_under_the_same_message_id_and_is_counted(
    start_replica: StartReplica, rows: asyncpg.Connection, peer: Peer, publisher: Publisher, project: str
) -> None:
    postman = Postman()
    postman.start()
    doomed = await start_replica(SMTP_PORT=str(postman.port))
    person = peer.person(project)
    postman.before_answer = doomed.crash
    event = await publisher.task(project, to=person)
    first = await postman.next()
    await doomed.ended()
    postman.before_answer = list
    await rows.execute(LEASE_IS_OVER, UUID(person.id))
    replica = await start_replica(SMTP_PORT=str(postman.port))
    again = await postman.next()
    assert first["Message-ID"] == again["Message-ID"] == f"<{event.event_id}.{person.id}@localhost>"
    assert first.as_bytes() == again.as_bytes()
    assert await rows.fetchval(DOUBTS, UUID(person.id)) == 1
    await replica.stop()  # with its mail server gone, it would take others' mails and keep them waiting
    postman.stop()


async def test_only_the_mail_that_the_server_was_given_is_in_doubt_not_those_that_were_to_follow(
    start_replica: StartReplica, rows: asyncpg.Connection, peer: Peer, publisher: Publisher, project: str
) -> None:
    postman = Postman()  # away at first, so that the mails gather
    doomed = await start_replica(SMTP_PORT=str(postman.port))
    person = peer.person(project)
    told = [(await publisher.task(project, to=person)).event_id for _ in range(4)]
    async with asyncio.timeout(60):
        while await rows.fetchval(CLAIMED, UUID(person.id), 0) < len(told):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    await rows.execute(ALL_AT_ONCE, UUID(person.id), timedelta(hours=1), 100)
    postman.before_answer = doomed.crash
    postman.start()
    await rows.execute(ALL_AT_ONCE, UUID(person.id), timedelta(0), 200)
    first = await postman.next()
    await doomed.ended()
    assert await rows.fetchval(CLAIMED, UUID(person.id), 200) == len(told), "the dead one had all of them"
    postman.before_answer = list
    await rows.execute(ALL_AT_ONCE, UUID(person.id), timedelta(0), 300)
    replica = await start_replica(SMTP_PORT=str(postman.port))
    later = {mail["Message-ID"] for mail in [await postman.next() for _ in told]}
    assert later == {f"<{event}.{person.id}@localhost>" for event in told}
    assert first["Message-ID"] in later
    assert await rows.fetchval(DOUBTS, UUID(person.id)) == 1
    await replica.stop()
    postman.stop()


async def test_a_mailer_that_lost_a_mail_to_another_one_does_not_send_it(
    start_replica: StartReplica, rows: asyncpg.Connection, peer: Peer, publisher: Publisher, project: str
) -> None:
    postman = Postman()
    replica = await start_replica(SMTP_PORT=str(postman.port))
    person = peer.person(project)
    loop = asyncio.get_running_loop()

    def another_takes_it() -> None:
        """In the postman's thread: the mailer waits for an answer meanwhile."""
        postman.before_recipient = list
        taken = rows.execute(ALL_AT_ONCE, UUID(person.id), timedelta(seconds=2), 100)
        asyncio.run_coroutine_threadsafe(taken, loop).result()

    postman.before_recipient = another_takes_it
    postman.start()
    event = await publisher.task(project, to=person)
    mail = await postman.next()
    assert mail["Message-ID"] == f"<{event.event_id}.{person.id}@localhost>"
    await replica.stop()
    assert not postman.taken
    assert await rows.fetchval(DOUBTS, UUID(person.id)) == 0
    postman.stop()


async def test_a_digest_comes_again_with_the_same_events_and_what_came_since_in_another_one(
    start_replica: StartReplica, rows: asyncpg.Connection, peer: Peer, publisher: Publisher, project: str
) -> None:
    postman = Postman()
    postman.start()
    doomed = await start_replica(SMTP_PORT=str(postman.port))
    person = peer.person(project)
    async with grpc.aio.insecure_channel(doomed.address) as channel:
        preferring = Preferring(channel, rows)
        wanted = rule(Notification.ASSIGNED, email=pb.PreferenceRule.DIGEST)
        await preferring.set(person, digest=pb.Preferences.DAILY, rules=[wanted])
        for title in ("Milk", "Bread"):
            await publisher.task(project, to=person, title=title)
        await preferring.mails(person, 2)
        postman.before_answer = doomed.crash
        await rows.execute(IT_IS_TIME, UUID(person.id))
        first = await postman.next()
        await doomed.ended()
        postman.before_answer = list
        await start_replica(SMTP_PORT=str(postman.port))
        await publisher.task(project, to=person, title="Eggs")
        await preferring.mails(person, 3)
        await rows.execute(IT_IS_TIME, UUID(person.id))
        await rows.execute(LEASE_IS_OVER, UUID(person.id))
        later = {mail["Message-ID"]: mail for mail in [await postman.next(), await postman.next()]}
    assert later.pop(first["Message-ID"]).as_bytes() == first.as_bytes()
    assert first["Subject"] == "Digest: 2 events in 2 tasks"
    (second,) = later.values()
    assert "Eggs" in str(second.get_body(("plain",)))
    assert second["Subject"] == "Digest: 1 event in 1 task"
    postman.stop()
