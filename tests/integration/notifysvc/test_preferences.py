"""What people want to be told, said over gRPC and seen in inboxes, on streams and in mails."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import grpc.aio
import pytest
from taskbell.notifications.v1 import notifications_pb2 as notifications
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification

from chassis import postgres
from chassis.errors import EtagMismatch, InvalidField, ScopeMissing, from_rpc_error
from notifysvc.concerned import Reason
from notifysvc.fates import Hold, State
from notifysvc.mutes import Mutes
from tests.integration.notifysvc.conftest import StartReplica, Watch
from tests.integration.notifysvc.listening import PATIENCE, Watching
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.preferring import Preferring, rule
from tests.integration.notifysvc.publisher import Publisher
from tests.mailbox import Mailbox

ON, OFF, LATER = pb.PreferenceRule.INSTANT, pb.PreferenceRule.OFF, pb.PreferenceRule.DIGEST


async def test_who_never_said_anything_has_the_defaults(preferring: Preferring, peer: Peer) -> None:
    said = await preferring.get(peer.person())
    assert (said.time_zone, said.language, said.digest, said.digest_hour) == ("UTC", "en", pb.Preferences.OFF, 8)
    assert not said.HasField("quiet_hours")
    assert not said.HasField("update_time")
    assert {each.reason for each in said.rules} == set(Notification.Reason.values()) - {0}
    assert all(each.inbox and each.email == ON for each in said.rules)


async def test_what_was_said_is_kept_and_one_etag_holds_for_one_change(preferring: Preferring, peer: Peer) -> None:
    person = peer.person()
    before = await preferring.get(person)
    after = await preferring.set(person, time_zone="Asia/Tokyo", etag=before.etag)
    assert after == await preferring.get(person)
    assert (after.time_zone, after.HasField("update_time")) == ("Asia/Tokyo", True)
    with pytest.raises(EtagMismatch):
        await preferring.set(person, time_zone="UTC", etag=before.etag)
    assert (await preferring.get(person)).time_zone == "Asia/Tokyo"


async def test_streams_that_one_person_opens_in_the_same_moment_all_know_what_is_not_wanted(
    preferring: Preferring, database: str, peer: Peer
) -> None:
    person = peer.person()
    await preferring.set(person, rules=[rule(Notification.ASSIGNED, inbox=False)])
    async with postgres.connect(database, "notifysvc", 1) as pool:
        mutes = Mutes(pool)

        async def opened() -> frozenset[Reason]:
            return (await mutes.of(person.id)).reasons

        assert set(await asyncio.gather(opened(), opened())) == {frozenset({Notification.ASSIGNED})}


async def test_a_change_whose_answer_was_lost_may_be_repeated(preferring: Preferring, peer: Peer) -> None:
    person = peer.person()
    etag = (await preferring.get(person)).etag
    first = await preferring.set(person, "again", language="ru", etag=etag)
    assert await preferring.set(person, "again", language="ru", etag=etag) == first


async def test_wrong_values_are_named_and_change_nothing(preferring: Preferring, peer: Peer) -> None:
    person = peer.person()
    for said, field in (
        ({"time_zone": "Mars/Olympus"}, "preferences.time_zone"),
        ({"language": "de"}, "preferences.language"),
        ({"digest_hour": 24}, "preferences.digest_hour"),
        ({"quiet_hours": {"start": "25:00", "end": "07:00"}}, "preferences.quiet_hours.start"),
        ({"rules": [pb.PreferenceRule()]}, "preferences.rules[0].reason"),
        ({"rules": [rule(Notification.FAILED, email=LATER)]}, "preferences.digest"),
    ):
        with pytest.raises(InvalidField) as caught:
            await preferring.set(person, **({"language": "ru"} | said))
        assert [each.field for each in caught.value.violations] == [field]
    assert (await preferring.get(person)).language == "en"


async def test_a_token_needs_the_scope(preferring: Preferring, peer: Peer) -> None:
    token, _ = peer.api_token(peer.person(), "notifications:read")
    request = pb.UpdatePreferencesRequest(preferences=pb.Preferences(language="ru"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await preferring.stub.UpdatePreferences(request, metadata=(("authorization", f"Bearer {token}"),))
    assert isinstance(from_rpc_error(caught.value), ScopeMissing)


async def test_what_is_not_wanted_is_neither_in_the_inbox_nor_on_its_stream_nor_mailed(
    preferring: Preferring, inbox: Any, watch: Watch, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    person = peer.person(project)
    async with watch(person, inbox=True) as stream:
        await publisher.task(project, to=person, title="before")
        assert (await stream.next()).task.title == "before"
        # Once it is sent: until then the rule would hold for it too.
        await mailbox.arrived(f"to:{person.email}")
        await preferring.set(person, rules=[rule(Notification.ASSIGNED, inbox=False, email=OFF)])
        unwanted = await publisher.task(project, to=person, title="unwanted")
        wanted = await publisher.task(project, "completed", task_id=unwanted.task_id, to=person, title="wanted")
        assert (await stream.next()).task.title == "wanted"
    assert [row["state"] for row in await preferring.mails(person, 3)][1] == State.WITHHELD
    answer = await inbox.ListNotifications(notifications.ListNotificationsRequest(), metadata=person.metadata)
    assert [each.event.task.title for each in answer.notifications] == ["wanted", "before"]
    assert answer.unread_count == 2
    mails = await mailbox.arrived(f"to:{person.email}", 2)
    assert {each["Subject"] for each in mails} == {"Assigned to you: before", "Completed: wanted"}
    assert wanted.event_id in {each["MessageID"].partition(".")[0] for each in mails}


async def test_what_is_not_shown_cannot_be_marked(
    preferring: Preferring, inbox: Any, database: str, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await preferring.set(person, rules=[rule(Notification.ASSIGNED, inbox=False)])
    await publisher.task(project, to=person)
    await preferring.mails(person, 1)
    connection = await asyncpg.connect(database)
    hidden = await connection.fetchval("SELECT id FROM notifysvc.notifications WHERE user_id = $1", UUID(person.id))
    await connection.close()
    every = notifications.MarkNotificationsRequest(all=True, state=Notification.UNREAD)
    assert (await inbox.MarkNotifications(every, metadata=person.metadata)).unread_count == 0
    one = notifications.MarkNotificationsRequest(ids=[str(hidden)], state=Notification.READ)
    with pytest.raises(grpc.aio.AioRpcError, match="There is no notification"):
        await inbox.MarkNotifications(one, metadata=person.metadata)


async def test_a_stream_on_another_replica_hears_of_it_too(
    preferring: Preferring, start_replica: StartReplica, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    other = await start_replica()
    request = notifications.WatchRequest(inbox=True)
    async with grpc.aio.insecure_channel(other.address) as channel, Watching(channel, person, request) as stream:
        # Without mails: it may take many events, and those of the other tests would have to wait behind theirs.
        unseen, seen = rule(Notification.ASSIGNED, inbox=False, email=OFF), rule(Notification.COMPLETED, email=OFF)
        await preferring.set(person, rules=[unseen, seen])
        async with asyncio.timeout(PATIENCE):
            while True:  # until the other one has heard
                probe = await publisher.task(project, to=person, title="assigned")
                done = await publisher.task(project, "completed", task_id=probe.task_id, to=person, title="done")
                first = await stream.next()
                if first.event_id == done.event_id:
                    break
                assert first.event_id == probe.event_id
                assert (await stream.next()).event_id == done.event_id
                await asyncio.sleep(0.05)  # nobody tells


async def test_mails_wait_until_the_quiet_hours_are_over(
    preferring: Preferring, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    person = peer.person(project)
    now = datetime.now(UTC)
    quiet = pb.QuietHours(start=f"{now - timedelta(hours=1):%H:%M}", end=f"{now + timedelta(hours=2):%H:%M}")
    await preferring.set(person, quiet_hours=quiet)
    await publisher.task(project, to=person)
    row = await preferring.held(person, Hold.QUIET_HOURS)
    assert row["state"] == State.WAITING
    assert f"{row['next_time']:%H:%M}" == quiet.end
    assert await mailbox.find(f"to:{person.email}") == []


async def test_a_mail_that_waits_is_not_sent_to_whoever_was_removed_from_the_project_meanwhile(
    preferring: Preferring, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox, database: str
) -> None:
    person = peer.person(project)
    now = datetime.now(UTC)
    quiet = pb.QuietHours(start=f"{now - timedelta(hours=1):%H:%M}", end=f"{now + timedelta(hours=2):%H:%M}")
    await preferring.set(person, quiet_hours=quiet)
    await publisher.task(project, to=person)
    await preferring.held(person, Hold.QUIET_HOURS)
    await publisher.remove(person, project)
    await preferring.left(person)
    await preferring.set(person, quiet_hours=None)
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE notifysvc.mails SET next_time = now() WHERE state = 1")
    await connection.close()
    assert (await preferring.held(person, Hold.NOT_A_MEMBER))["state"] == State.WITHHELD
    assert await mailbox.find(f"to:{person.email}") == []


async def test_mails_are_written_in_the_readers_language(
    preferring: Preferring, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    person = peer.person(project)
    await preferring.set(person, language="ru", time_zone="Europe/Moscow")
    await publisher.task(project, to=person, title="Купить молоко")
    (mail,) = await mailbox.arrived(f"to:{person.email}")
    assert mail["Subject"] == "Назначено вам: Купить молоко"
    assert "Вам назначена задача" in mail["Text"]


async def test_a_link_of_a_mail_ends_its_kind_without_signing_in(
    preferring: Preferring, peer: Peer, publisher: Publisher, project: str, mailbox: Mailbox
) -> None:
    person = peer.person(project)
    task = await publisher.task(project, to=person)
    (mail,) = await mailbox.arrived(f"to:{person.email}")
    token = mail["Text"].partition("/unsubscribe?token=")[2].split()[0]
    for _ in range(2):  # a second click changes nothing
        answer = await preferring.stub.Unsubscribe(pb.UnsubscribeRequest(token=token))
        assert list(answer.reasons) == [Notification.ASSIGNED]
    await publisher.task(project, to=person, title="no mail")
    await publisher.task(project, "completed", task_id=task.task_id, to=person, title="a mail")
    mails = await mailbox.arrived(f"to:{person.email}", 2)
    assert mails[0]["Subject"] == "Completed: a mail"
    assert [row["state"] for row in await preferring.mails(person, 3)] == [State.SENT, State.WITHHELD, State.SENT]
    answer = await preferring.stub.Unsubscribe(pb.UnsubscribeRequest(token=token, everything=True))
    assert set(answer.reasons) == set(Notification.Reason.values()) - {0}


async def test_a_forged_link_ends_nothing(preferring: Preferring) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await preferring.stub.Unsubscribe(pb.UnsubscribeRequest(token="forged"))
    error = from_rpc_error(caught.value)
    assert isinstance(error, InvalidField)
    assert error.violations[0].field == "token"


async def test_who_unsubscribes_gets_none_of_those_that_wait(
    preferring: Preferring, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    now = datetime.now(UTC)
    quiet = pb.QuietHours(start=f"{now - timedelta(hours=1):%H:%M}", end=f"{now + timedelta(hours=2):%H:%M}")
    await preferring.set(person, quiet_hours=quiet)
    await publisher.task(project, to=person)
    await preferring.held(person, Hold.QUIET_HOURS)
    await preferring.set(person, rules=[rule(Notification.ASSIGNED, email=OFF)])
    row = (await preferring.mails(person, 1))[0]
    assert (row["state"], row["hold"]) == (State.WITHHELD, Hold.RULE)
