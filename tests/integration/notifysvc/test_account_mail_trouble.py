"""E-mails about accounts when something goes wrong on the way."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.postman import Postman
from tests.integration.notifysvc.publisher import Publisher

WAITING, DEAD = 1, 3


@pytest_asyncio.fixture(loop_scope="session", scope="module", autouse=True)
async def postman(start_replica: StartReplica) -> AsyncIterator[Postman]:
    """What the module's notifysvc sends its mails to."""
    postman = Postman()
    postman.start()
    await start_replica(SMTP_PORT=str(postman.port))
    yield postman
    postman.stop()


async def test_a_mail_that_may_have_been_sent_is_sent_again_with_the_same_link_and_name(
    postman: Postman, database: str, peer: Peer, publisher: Publisher
) -> None:
    person = peer.person()
    postman.answers = ["451 later"]
    event = await publisher.account("confirmation_requested", person)
    first = await postman.next()
    connection = await asyncpg.connect(database)
    # As if the one who sent it had died before it could say so.
    await connection.execute(
        "UPDATE notifysvc.account_mails SET state = 1, next_time = now() WHERE id = $1", event.event_id
    )
    await connection.close()
    second = await postman.next()
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_body(("plain",)).get_content() == second.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one


async def test_a_link_that_nobody_needs_any_more_is_not_mailed(
    postman: Postman, database: str, peer: Peer, publisher: Publisher
) -> None:
    person = peer.person()
    postman.stop()
    needless = await publisher.account("password_reset_requested", person)
    peer.used_links.add(needless.event_id)
    postman.start()
    event = await publisher.account("password_changed", person)
    assert (await postman.next())["Message-ID"].startswith(f"<{event.event_id}")
    connection = await asyncpg.connect(database)
    state = "SELECT state FROM notifysvc.account_mails WHERE id = $1"
    async with asyncio.timeout(60):
        while await connection.fetchval(state, needless.event_id) != DEAD:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    await connection.close()
    assert not postman.taken


@pytest.mark.parametrize("answer", ["550 no such user", "554 this is spam"])
async def test_a_mail_that_is_refused_for_good_is_dead_and_holds_up_nobody(
    postman: Postman, peer: Peer, publisher: Publisher, answer: str
) -> None:
    people = [peer.person(), peer.person()]
    postman.answers = [answer]
    for person in people:
        await publisher.account("password_changed", person)
    # One of the two is refused, which isn't tried again: the next mail is of a third person.
    assert (await postman.next())["To"].addresses[0].addr_spec in {person.email for person in people}
    third = peer.person()
    await publisher.account("password_changed", third)
    assert third.email in (await postman.next())["To"]


async def test_a_mail_waits_for_tasksvc_which_makes_the_link(
    postman: Postman, peer: Peer, publisher: Publisher
) -> None:
    person = peer.person()
    await peer.stop()
    event = await publisher.account("password_reset_requested", person)
    await peer.start()
    assert (await postman.next())["Message-ID"].startswith(f"<{event.event_id}")


async def test_a_mail_of_a_kind_that_only_newer_versions_know_is_left_to_them(
    postman: Postman, database: str, peer: Peer, publisher: Publisher
) -> None:
    event = await publisher.account("of_a_coming_version", peer.person())
    connection = await asyncpg.connect(database)
    looks = """
        SELECT state, tries, last_error FROM notifysvc.account_mails
        WHERE id = $1 AND (attempt >= 2 OR state <> 1)  -- it was looked at again, unless it was given up
    """
    async with asyncio.timeout(60):
        while not (row := await connection.fetchrow(looks, event.event_id)):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    assert (row["state"], row["tries"], row["last_error"]) == (WAITING, 0, "")
    # This one becomes one of a kind that is known, as for a newer version.
    event.type = "account.password_changed"
    await connection.execute(
        "UPDATE notifysvc.account_mails SET event = $2 WHERE id = $1", event.event_id, event.SerializeToString()
    )
    assert (await postman.next())["Message-ID"].startswith(f"<{event.event_id}")
    await connection.close()
