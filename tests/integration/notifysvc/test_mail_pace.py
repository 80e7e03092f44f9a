"""A domain that may be given so many mails a minute."""

from itertools import pairwise
from uuid import UUID

import asyncpg

from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.postman import Postman
from tests.integration.notifysvc.publisher import Publisher

SLOTS = """
SELECT m.slot_time FROM notifysvc.mails AS m JOIN notifysvc.notifications AS n USING (id)
WHERE n.user_id = ANY ($1) AND m.slot_time IS NOT NULL ORDER BY m.slot_time
"""


async def test_its_mails_wait_for_their_turn_and_no_other_mail_does(
    start_replica: StartReplica, database: str, peer: Peer, publisher: Publisher, project: str
) -> None:
    postman = Postman()
    postman.start()
    crowd, other = [peer.person(project) for _ in range(4)], peer.person(project)
    other.domain = "elsewhere.example.com"
    for each in (*crowd, other):
        await publisher.task(project, to=each)
    for _ in range(2):
        await start_replica(SMTP_PORT=str(postman.port), MAIL_RATE="60")
    came = [(await postman.next())["To"] for _ in range(5)]
    assert sorted(came) == sorted(f"{each.name} <{each.email}>" for each in (*crowd, other))
    assert any(other.email in each for each in came[:3])
    postman.stop()
    connection = await asyncpg.connect(database)
    slots = [row["slot_time"] for row in await connection.fetch(SLOTS, [UUID(each.id) for each in crowd])]
    await connection.close()
    assert len(slots) == 3  # the first one went at once
    assert all((after - before).total_seconds() > 0.99 for before, after in pairwise(slots))
