"""What a client may say on a Connect stream beside subscribing, and what it is told when it says it wrong."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1 import notifications_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import (
    Ack,
    ConnectRequest,
    Credit,
    Hello,
    Mark,
    Notification,
    Subscribe,
    SubscribeAll,
    Unsubscribe,
    UnsubscribeAll,
    WatchRequest,
)

from chassis.errors import CredentialsMissing, from_rpc_error
from chassis.jetstream import STREAM, Bus
from notifysvc import conversation
from notifysvc.cursor import Cursor
from tests.integration.notifysvc.conftest import Connect, Watch
from tests.integration.notifysvc.listening import Connected, ids
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.publisher import Publisher

PATIENCE = 60.0


async def refused(stream: Connected) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stream.ended()
    return from_rpc_error(raised.value).reason


async def test_one_message_begins_many_subscriptions_and_each_that_is_wrong_is_told_by_its_name(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    async with connect(peer.person(project)) as stream:
        await stream.hear("welcome")
        wanted = [
            Subscribe(id="a", project=project),
            Subscribe(id="b", project="no id"),
            Subscribe(id="c", project=str(uuid4())),
            Subscribe(id="a", project=project),
            Subscribe(id="d", filter="status = PENDING"),
        ]
        await stream.say(subscribe_all=SubscribeAll(subscriptions=wanted))
        told = [await stream.hear() for _ in wanted]
        assert [(each.subscribed.id or each.error.id, each.error.code) for each in told] == [
            ("a", ""),
            ("b", "INVALID_FIELD"),
            ("c", "PROJECT_NOT_FOUND"),
            ("a", "SUBSCRIPTION_EXISTS"),
            ("d", ""),
        ]
        event = await publisher.task(project)
        heard = [await stream.hear("events"), await stream.hear("events")]
        assert {each.id: ids(each.events) for each in heard} == {"a": [event.event_id], "d": [event.event_id]}
        await stream.say(unsubscribe_all=UnsubscribeAll(ids=["a", "nobody", "d"]))
        told = [await stream.hear() for _ in range(3)]
        assert {each.unsubscribed.id for each in told if each.HasField("unsubscribed")} == {"a", "d"}
        assert [(each.error.id, each.error.code) for each in told if each.HasField("error")] == [
            ("nobody", "SUBSCRIPTION_NOT_FOUND")
        ]


async def test_a_stream_has_a_thousand_subscriptions_and_the_next_one_is_refused(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    async with connect(peer.person(project)) as stream:
        await stream.hear("welcome")
        wanted = [Subscribe(id=f"s{n}", project=project) for n in range(1001)]
        await stream.say(subscribe_all=SubscribeAll(subscriptions=wanted))
        for n in range(1000):
            assert (await stream.hear("subscribed")).id == f"s{n}"
        error = await stream.hear("error")
        assert (error.id, error.code) == ("s1000", "TOO_MANY_SUBSCRIPTIONS")
        event = await publisher.task(project)
        heard = [await stream.hear("events") for _ in range(1000)]
        assert {each.id for each in heard} == {f"s{n}" for n in range(1000)}
        assert all(ids(each.events) == [event.event_id] for each in heard)
        await stream.say(unsubscribe=Unsubscribe(id="s7"))
        await stream.hear("unsubscribed")
        await stream.subscribe("s1000", project=project)


async def test_no_more_events_come_than_the_client_allowed_for_and_none_is_lost(
    connect: Connect, watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect() as stream, watch(person, project=project) as watching:
        await stream.say(hello=Hello(token=person.token, credit=3))
        await stream.hear("welcome")
        await stream.subscribe("a", project=project)
        await stream.subscribe("b", filter="status = PENDING")
        told = [await publisher.task(project) for _ in range(5)]
        await watching.take(5)
        heard: dict[str, list[Event]] = {"a": [], "b": []}

        async def hear(count: int) -> None:
            while count:
                events = await stream.hear("events")
                heard[events.id] += events.events
                count -= len(events.events)
            # Nothing more: the next answer is to what is said now.
            await stream.say(unsubscribe=Unsubscribe(id="nobody"))
            await stream.hear("error")

        await hear(3)
        await stream.say(credit=Credit(events=2))
        await hear(2)
        await stream.say(credit=Credit(events=1000))
        await hear(5)
        assert ids(heard["a"]) == ids(heard["b"]) == ids(told)


async def test_a_right_that_ends_while_events_wait_for_credit_takes_them_away(
    connect: Connect, watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, member = peer.person(project), peer.person(project)
    async with connect() as stream, watch(member) as watching:
        await stream.say(hello=Hello(token=person.token, credit=0))
        await stream.hear("welcome")
        await stream.subscribe()
        await publisher.task(project)
        removed = await publisher.remove(person, project)
        await watching.take(2)
        await stream.say(credit=Credit(events=10))
        assert ids(await stream.events(1)) == [removed.event_id]


async def acknowledged(database: str, person: Person, sequence: int) -> list[asyncpg.Record]:
    """What is kept of somebody's acknowledgements, as soon as they are so far."""
    connection = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                rows = await connection.fetch("SELECT * FROM notifysvc.acks WHERE user_id = $1", person.id)
                if any(row["sequence"] == sequence for row in rows):
                    return list(rows)
                await asyncio.sleep(0.05)  # it is written by the way
    finally:
        await connection.close()


async def test_what_a_device_acknowledged_is_kept_with_where_it_began(
    connect: Connect, database: str, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await publisher.task(project)
    async with connect() as stream:
        await stream.say(hello=Hello(token=person.token, device="ann's phone"))
        await stream.hear("welcome")
        await stream.subscribe("all", project=project)
        sequences = [publisher.sequence_of(await publisher.task(project)) for _ in range(3)]
        events = await stream.events(3, "all")
        await stream.say(ack=Ack(id="all", cursor=events[0].cursor))
        await stream.say(ack=Ack(id="all", cursor=events[1].cursor))
        (row,) = await acknowledged(database, person, sequences[1])
    assert (row["device"], str(row["project_id"]), row["inbox"]) == ("ann's phone", project, False)
    assert row["after_sequence"] < sequences[0]


async def test_nothing_can_be_acknowledged_that_was_not_told(
    connect: Connect, watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, other = peer.person(project), str(uuid4())
    member = peer.person(other)
    async with connect(person) as stream, watch(member) as watching:
        await stream.hear("welcome")
        await stream.subscribe("s1", project=project)
        await publisher.task(other)
        later = (await watching.next()).cursor
        for about, cursor in (("s1", later), ("s1", "garbage"), ("s1", "A" * 22)):
            await stream.say(ack=Ack(id=about, cursor=cursor))
            error = await stream.hear("error")
            assert (error.id, error.code) == (about, "INVALID_CURSOR")
        await stream.say(ack=Ack(id="s2", cursor=later))
        assert (await stream.hear("error")).code == "SUBSCRIPTION_NOT_FOUND"


async def notified(inbox: Any, person: Person) -> list[Notification]:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await inbox.ListNotifications(pb.ListNotificationsRequest(), metadata=person.metadata)
            if found.notifications:
                return list(found.notifications)
            await asyncio.sleep(0.05)  # nobody listens here


async def test_notifications_are_marked_on_the_stream_and_all_devices_hear_of_it(
    connect: Connect, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, foreign = peer.person(project), peer.person(project)
    await publisher.task(project, to=person)
    await publisher.task(project, to=foreign)
    (mine,), (theirs,) = await notified(inbox, person), await notified(inbox, foreign)
    async with connect(person) as phone, connect(person) as desk:
        for stream in (phone, desk):
            await stream.hear("welcome")
            await stream.subscribe("in", inbox=True)
            assert (await stream.hear("inbox")).unread == 1
        await phone.say(mark=Mark(id="m1", ids=[mine.id, theirs.id], state=Notification.READ))
        error = await phone.hear("error")
        assert (error.id, error.code) == ("m1", "NOTIFICATION_NOT_FOUND")
        await phone.say(mark=Mark(id="m2", state=Notification.READ))
        error = await phone.hear("error")
        assert (error.id, error.code) == ("m2", "INVALID_FIELD")
        await phone.say(mark=Mark(id="m3", ids=[mine.id], state=Notification.READ))
        told = {(each.id, each.unread) for each in (await phone.hear("inbox"), await phone.hear("inbox"))}
        assert told == {("m3", 0), ("", 0)}
        assert (await desk.hear("inbox")).unread == 0


async def test_a_token_that_may_only_read_marks_nothing(connect: Connect, peer: Peer) -> None:
    token, _ = peer.api_token(peer.person(), "notifications:read")
    async with connect() as stream:
        await stream.say(hello=Hello(token=token))
        await stream.hear("welcome")
        await stream.say(mark=Mark(id="m1", all=True, state=Notification.READ))
        error = await stream.hear("error")
        assert (error.id, error.code) == ("m1", "SCOPE_MISSING")


async def test_a_subscription_may_begin_at_a_time(
    connect: Connect, watch: Watch, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await publisher.task(project)
    later = await publisher.task(project)
    stored = await bus.jetstream.get_msg(STREAM, seq=publisher.sequence_of(later))
    assert stored.time is not None
    since, future, epoch = Timestamp(), Timestamp(seconds=32_503_680_000), Timestamp(seconds=-62_135_596_800)
    since.FromDatetime(stored.time)
    async with connect(person) as stream, watch(person, project=project, after_time=since) as watching:
        await stream.hear("welcome")
        assert (await stream.subscribe("since", project=project, after_time=since)).recovered
        assert ids(await stream.events(1, "since")) == [later.event_id]
        await stream.subscribe("future", filter='title:"bread"', after_time=future)
        now = await publisher.task(project, title="bread")
        heard = [await stream.hear("events"), await stream.hear("events")]
        assert {each.id: ids(each.events) for each in heard} == {"since": [now.event_id], "future": [now.event_id]}
        assert ids(await watching.take(2)) == ids([later, now])
        await stream.say(subscribe=Subscribe(id="both", after_time=since, after=heard[0].events[0].cursor))
        assert (await stream.hear("error")).code == "INVALID_FIELD"
    last = (await bus.jetstream.stream_info(STREAM)).state.last_seq
    await bus.jetstream.purge_stream(STREAM, seq=last)
    async with connect(person) as stream:
        await stream.hear("welcome")
        assert not (await stream.subscribe("old", project=project, after_time=epoch)).recovered
        assert (await stream.hear("gap")).id == "old"


async def test_a_message_that_cannot_be_parsed_is_told_and_the_next_one_is_heard(
    channel: grpc.aio.Channel, peer: Peer
) -> None:
    call: Any = channel.stream_stream(
        "/taskbell.notifications.v1.NotificationService/Connect",
        response_deserializer=pb.ConnectResponse.FromString,
    )(metadata=peer.person().metadata)
    assert (await call.read()).HasField("welcome")
    await call.write(b"\xff\xff\xff")
    assert (await call.read()).error.code == "MALFORMED_MESSAGE"
    await call.write(b"")
    error = (await call.read()).error
    assert error.code == "INVALID_FIELD"
    assert "one of hello, subscribe, unsubscribe" in error.message
    await call.write(ConnectRequest(subscribe=Subscribe(id="s1")).SerializeToString())
    assert (await call.read()).subscribed.id == "s1"
    call.cancel()


async def test_a_ticket_opens_one_stream_in_the_name_of_whoever_made_it(
    inbox: Any, channel: grpc.aio.Channel, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    tickets = [await inbox.CreateTicket(pb.CreateTicketRequest(), metadata=person.metadata) for _ in range(2)]
    by = [(("authorization", f"Ticket {each.ticket}"),) for each in tickets]
    call = inbox.Watch(WatchRequest(project=project), metadata=by[0])
    await asyncio.wait_for(call.initial_metadata(), PATIENCE)
    told = await publisher.task(project)
    assert (await call.read()).event_id == told.event_id
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await inbox.Watch(WatchRequest(project=project), metadata=by[0]).read()
    assert from_rpc_error(raised.value).reason == "TICKET_INVALID"
    conversation = inbox.Connect(metadata=by[1])
    assert (await conversation.read()).welcome.user_id == person.id
    await publisher.log_out(person)
    for each in (call, conversation):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await asyncio.wait_for(each.read(), PATIENCE)
        assert from_rpc_error(raised.value).reason == "SESSION_ENDED"


async def test_a_ticket_that_nobody_used_in_time_opens_nothing(inbox: Any, database: str, peer: Peer) -> None:
    ticket = await inbox.CreateTicket(pb.CreateTicketRequest(), metadata=peer.person().metadata)
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("UPDATE notifysvc.tickets SET expire_time = now() - interval '1 second'")
    finally:
        await connection.close()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await inbox.Watch(WatchRequest(), metadata=(("authorization", f"Ticket {ticket.ticket}"),)).read()
    assert from_rpc_error(raised.value).reason == "TICKET_INVALID"


async def test_a_cursor_of_another_stream_is_a_gap(connect: Connect, watch: Watch, peer: Peer, project: str) -> None:
    person = peer.person(project)
    other = str(Cursor(stream=1, sequence=1, trace=1))
    async with connect(person) as stream:
        await stream.hear("welcome")
        subscribed = await stream.subscribe(project=project, after=other)
        assert not subscribed.recovered
        assert (await stream.hear("gap")).head == subscribed.head
    async with watch(person, project=project, after=other) as watching:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await watching.next()
        assert from_rpc_error(raised.value).reason == "CURSOR_TOO_OLD"


async def test_a_message_that_is_too_large_ends_the_stream(channel: grpc.aio.Channel, peer: Peer) -> None:
    call: Any = channel.stream_stream("/taskbell.notifications.v1.NotificationService/Connect")(
        metadata=peer.person().metadata
    )
    await call.read()
    await call.write(bytes(5 << 20))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asyncio.wait_for(call.read(), PATIENCE)
    assert from_rpc_error(raised.value).reason == "MESSAGE_TOO_LARGE"


async def test_a_client_that_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "HELLO", 0.05)
    with pytest.raises(CredentialsMissing, match="Say `hello`"):
        await conversation._hello(silence())


async def silence() -> AsyncIterator[ConnectRequest]:
    await asyncio.Event().wait()
    yield ConnectRequest()
