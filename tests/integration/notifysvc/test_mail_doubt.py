"""A mailer that dies when the server has a mail and has not said so."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest_asyncio

from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.postman import Postman
from tests.integration.notifysvc.publisher import Publisher

LEASE_IS_OVER = """
UPDATE notifysvc.mails SET next_time = now() WHERE id = (SELECT id FROM notifysvc.notifications WHERE user_id = $1)
"""
DOUBTS = "SELECT doubts FROM notifysvc.mails JOIN notifysvc.notifications USING (id) WHERE user_id = $1"


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
    await start_replica(SMTP_PORT=str(postman.port))
    again = await postman.next()
    assert first["Message-ID"] == again["Message-ID"] == f"<{event.event_id}.{person.id}@localhost>"
    assert first.as_bytes() == again.as_bytes()
    assert await rows.fetchval(DOUBTS, UUID(person.id)) == 1
    postman.stop()
