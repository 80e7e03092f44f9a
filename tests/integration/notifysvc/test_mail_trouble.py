"""E-mails when the servers that they need are away, or refuse them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.postman import Postman
from tests.integration.notifysvc.publisher import Publisher

SENT, DEAD = 2, 3
Ended = Callable[[Person], Awaitable[tuple[int, int]]]


@pytest_asyncio.fixture(loop_scope="session", scope="module", autouse=True)
async def postman(start_replica: StartReplica) -> AsyncIterator[Postman]:
    """What the module's notifysvc sends its mails to."""
    postman = Postman()
    await start_replica(SMTP_PORT=str(postman.port))
    yield postman
    postman.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def ended(database: str) -> AsyncIterator[Ended]:
    """Waits until a person's only mail has ended; how, and after how many tries."""
    connection = await asyncpg.connect(database)

    async def wait(person: Person) -> tuple[int, int]:
        async with asyncio.timeout(60):
            while True:
                row = await connection.fetchrow(
                    "SELECT m.state, m.tries FROM notifysvc.mails AS m JOIN notifysvc.notifications AS n USING (id)"
                    " WHERE n.user_id = $1 AND m.state <> 1",
                    UUID(person.id),
                )
                if row:
                    return row["state"], row["tries"]
                await asyncio.sleep(0.05)  # another process writes it

    yield wait
    await connection.close()


async def test_a_mail_waits_for_a_server_that_is_away(
    postman: Postman, ended: Ended, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await publisher.task(project, to=person, title="Buy milk\r\nBcc: all@example.com\r\n\r\nand more")
    await asyncio.sleep(1)  # it is tried in vain meanwhile
    postman.start()
    message = await postman.next()
    assert message["Subject"] == "Assigned to you: Buy milk Bcc: all@example.com and more"
    assert message["Bcc"] is None
    assert message["References"] == message["In-Reply-To"]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert (await ended(person))[0] == SENT


async def test_a_mail_that_is_refused_for_now_is_sent_later_and_once(
    postman: Postman, ended: Ended, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    postman.answers = ["451 later"]
    event = await publisher.task(project, to=person)
    message = await postman.next()
    assert message["Message-ID"] == f"<{event.event_id}.{person.id}@localhost>"
    assert await ended(person) == (SENT, 2)
    assert not postman.taken


@pytest.mark.parametrize("answer", ["550 no such user", "554 this is spam"])
async def test_a_mail_that_is_refused_for_good_is_dead_and_holds_up_nobody(
    postman: Postman, ended: Ended, peer: Peer, publisher: Publisher, project: str, answer: str
) -> None:
    refused, person = peer.person(project), peer.person(project)
    postman.answers = [answer]
    await publisher.task(project, to=refused)
    assert await ended(refused) == (DEAD, 1)
    await publisher.task(project, to=person)
    assert person.email in (await postman.next())["To"]


async def test_a_mail_waits_for_tasksvc_which_knows_the_address(
    postman: Postman, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await peer.stop()
    await publisher.task(project, to=person)
    await asyncio.sleep(1)  # it is tried in vain meanwhile
    await peer.start()
    assert person.email in (await postman.next())["To"]
