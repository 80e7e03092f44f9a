"""E-mails about accounts, as people get them."""

from taskbell.events.v1.events_pb2 import Client

from devstack.process import Process
from tests.integration.notifysvc.conftest import StartReplica, Watch
from tests.integration.notifysvc.listening import ids
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.publisher import Publisher
from tests.mailbox import Mailbox


async def test_a_mail_carries_a_link_and_comes_once_however_many_replicas_send(
    notifysvc: Process, start_replica: StartReplica, mailbox: Mailbox, peer: Peer, publisher: Publisher
) -> None:
    await start_replica()
    person = peer.person()
    event = await publisher.account("password_reset_requested", person)
    changed = await publisher.account("password_changed", person)
    mails = await mailbox.arrived(f"to:{person.email}", 2)
    by_event = {mail["MessageID"]: mail for mail in mails}
    asked = by_event[f"{event.event_id}.{person.id}@localhost"]
    assert asked["Subject"] == "Set a new password"
    assert f"https://tasks.example.com/#/reset?token=token-of-{event.event_id}" in asked["Text"]
    assert by_event[f"{changed.event_id}.{person.id}@localhost"]["Subject"] == "Your password was changed"
    assert len(await mailbox.find(f"to:{person.email}")) == 2


async def test_a_sign_in_is_told_of_with_the_client(
    notifysvc: Process, mailbox: Mailbox, peer: Peer, publisher: Publisher
) -> None:
    person = peer.person()
    await publisher.account("signed_in", person, Client(user_agent="Firefox <145>", address="192.0.2.7"))
    (mail,) = await mailbox.arrived(f"to:{person.email}")
    assert "Firefox <145>" in mail["Text"]
    assert "Firefox &lt;145&gt;" in mail["HTML"]
    assert "192.0.2.7" in mail["Text"]


async def test_events_of_an_account_are_in_no_stream_and_no_inbox_now_or_later(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with watch(person) as everything, watch(person, inbox=True) as inbox:
        begun = await publisher.task(project, to=person)
        await publisher.account("password_changed", person)
        told = await publisher.task(project, to=person)
        for watching in (everything, inbox):
            seen = await watching.take(2)
            assert ids(seen) == ids([begun, told])
    async with watch(person, after=seen[0].cursor) as later:
        assert ids([await later.next()]) == [told.event_id]
