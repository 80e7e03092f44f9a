"""What became of an event: mails that were given up, listed and tried again, and the way of one event explained."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1 import deliveries_pb2 as pb
from taskbell.notifications.v1 import preferences_pb2
from taskbell.notifications.v1.deliveries_pb2 import Delivery
from taskbell.notifications.v1.deliveries_pb2_grpc import DeliveryServiceStub
from taskbell.notifications.v1.notifications_pb2 import Ack, Notification

from chassis.errors import DeliveryNotDead, DeliveryNotFound, EventNotFound, ServiceError, from_rpc_error
from devstack.process import Process
from tests.integration.notifysvc.conftest import Connect, StartReplica
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.postman import Postman
from tests.integration.notifysvc.preferring import Preferring, rule
from tests.integration.notifysvc.publisher import Publisher


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def postman() -> AsyncIterator[Postman]:
    postman = Postman()
    postman.start()
    yield postman
    postman.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def notifysvc(start_replica: StartReplica, postman: Postman) -> Process:
    """Sends its mails to the postman."""
    return await start_replica(SMTP_PORT=str(postman.port))


class Asking:
    """DeliveryService, as people call it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = DeliveryServiceStub(channel)

    async def deliveries(self, person: Person, **asked: Any) -> pb.ListDeliveriesResponse:
        page: pb.ListDeliveriesResponse = await self._call("ListDeliveries", pb.ListDeliveriesRequest(**asked), person)
        return page

    async def retry(self, person: Person, delivery_id: str) -> Delivery:
        delivery: Delivery = await self._call("RetryDelivery", pb.RetryDeliveryRequest(id=delivery_id), person)
        return delivery

    async def explain(self, person: Person, event: Event) -> pb.Explanation:
        request = pb.ExplainEventRequest(event_id=event.event_id)
        told: pb.Explanation = await self._call("ExplainEvent", request, person)
        return told

    async def once(self, person: Person, event: Event, **mail: Any) -> pb.Explanation:
        """The explanation, once the mail is like this."""
        async with asyncio.timeout(60):
            while True:
                told = await self.explain(person, event)
                if told.HasField("mail") and all(getattr(told.mail, name) == value for name, value in mail.items()):
                    return told
                await asyncio.sleep(0.05)  # others do it

    async def _call(self, method: str, request: Any, person: Person) -> Any:
        try:
            return await getattr(self._stub, method)(request, metadata=person.metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error


@pytest.fixture(scope="module")
def asking(channel: grpc.aio.Channel) -> Asking:
    return Asking(channel)


async def test_a_mail_that_was_given_up_is_listed_with_the_servers_words_and_tried_again_on_demand(
    asking: Asking, postman: Postman, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    postman.refusals[person.email] = "550 5.1.1 no such user here"
    event = await publisher.task(project, to=person, title="Milk")
    await asking.once(person, event, state=Delivery.DEAD)
    (dead,) = (await asking.deliveries(person, state=Delivery.DEAD)).deliveries
    assert (dead.event_id, dead.title, dead.reply, dead.tries) == (
        *(event.event_id, "Milk", "550 5.1.1 no such user here"),
        1,
    )
    assert dead.message_id == f"<{event.event_id}.{person.id}@localhost>"
    assert dead.HasField("end_time")
    del postman.refusals[person.email]
    again = await asking.retry(person, dead.id)
    assert (again.state, again.HasField("end_time")) == (Delivery.WAITING, False)
    assert person.email in (await postman.next())["To"]
    sent = (await asking.once(person, event, state=Delivery.SENT)).mail
    assert sent.reply.startswith("250 taken as number")
    assert not (await asking.deliveries(person, state=Delivery.DEAD)).deliveries


@pytest.mark.parametrize("whose", ["others", "unknown"])
async def test_nobody_tries_mails_again_that_are_not_theirs(
    asking: Asking, postman: Postman, peer: Peer, publisher: Publisher, project: str, whose: str
) -> None:
    person, other = peer.person(project), peer.person(project)
    event = await publisher.task(project, to=other)
    await postman.next()
    theirs = (await asking.once(other, event, state=Delivery.SENT)).mail.id
    with pytest.raises(DeliveryNotFound):
        await asking.retry(person, theirs if whose == "others" else other.id)
    assert not (await asking.deliveries(person)).deliveries


async def test_a_mail_that_was_sent_is_not_sent_again(
    asking: Asking, postman: Postman, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    event = await publisher.task(project, to=person)
    await postman.next()
    mail = (await asking.once(person, event, state=Delivery.SENT)).mail
    with pytest.raises(DeliveryNotDead, match="is SENT"):
        await asking.retry(person, mail.id)


async def test_a_list_goes_on_where_its_page_ended(
    asking: Asking, postman: Postman, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    events = [await publisher.task(project, to=person) for _ in range(3)]
    for _ in events:
        await postman.next()
    for event in events:
        await asking.once(person, event, state=Delivery.SENT)
    first = await asking.deliveries(person, page_size=2)
    second = await asking.deliveries(person, page_size=2, page_token=first.next_page_token)
    told = [*first.deliveries, *second.deliveries]
    assert [each.event_id for each in told] == [event.event_id for event in reversed(events)]
    assert not second.next_page_token


async def test_the_way_of_an_event_is_told_from_the_commit_to_the_mail_servers_answer(
    asking: Asking, postman: Postman, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    event = await publisher.task(project, to=person, title="Milk")
    await postman.next()
    told = await asking.once(person, event, state=Delivery.SENT)
    assert (told.event.type, told.event.task_version, told.event.time) == ("task.created", 1, event.time)
    assert not told.event.HasField("task")
    assert (told.stream_sequence, told.in_stream) == (publisher.sequence_of(event), True)
    assert told.event.cursor
    assert told.HasField("effect_time")
    assert (told.reason, told.inbox) == (Notification.ASSIGNED, Notification.UNREAD)
    assert told.notification_id == told.mail.id


async def test_why_nothing_came_is_told_as_well(
    asking: Asking, preferring: Preferring, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    off = preferences_pb2.PreferenceRule.OFF
    await preferring.set(person, rules=[rule(Notification.ASSIGNED, inbox=False, email=off)])
    event = await publisher.task(project, to=person)
    told = await asking.once(person, event, state=Delivery.WITHHELD)
    assert (told.reason, told.inbox) == (Notification.ASSIGNED, Notification.STATE_UNSPECIFIED)
    assert (told.mail.hold, told.mail.tries, told.mail.message_id) == (Delivery.RULE, 0, "")


async def test_until_when_a_mail_waits_is_told(
    asking: Asking, preferring: Preferring, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    now = datetime.now(UTC)
    quiet = preferences_pb2.QuietHours(
        start=f"{now - timedelta(hours=1):%H:%M}", end=f"{now + timedelta(hours=2):%H:%M}"
    )
    wanted = rule(Notification.COMPLETED, email=preferences_pb2.PreferenceRule.DIGEST)
    await preferring.set(person, quiet_hours=quiet, digest=preferences_pb2.Preferences.DAILY, rules=[wanted])
    assigned = await publisher.task(project, to=person)
    done = await publisher.task(project, "completed", to=person)
    held = (await asking.once(person, assigned, hold=Delivery.QUIET_HOURS)).mail
    assert held.state == Delivery.WAITING
    assert f"{held.next_time.ToDatetime():%H:%M}" == quiet.end
    gathered = (await asking.once(person, done, hold=Delivery.DIGEST)).mail
    assert gathered.state == Delivery.GATHERED
    assert gathered.next_time.ToDatetime(UTC) > now


async def test_a_user_who_is_no_more_gets_no_mail_and_holds_up_nobody(
    asking: Asking, postman: Postman, peer: Peer, publisher: Publisher, project: str
) -> None:
    gone, person = peer.person(project), peer.person(project)
    peer.removed.add(gone.id)
    event = await publisher.task(project, to=gone)
    await publisher.task(project, to=person)
    assert person.email in (await postman.next())["To"]
    told = await asking.once(gone, event, state=Delivery.DEAD)
    assert (told.mail.reply, told.mail.tries) == ("there is no such user", 0)


async def test_strangers_learn_nothing_and_members_nothing_of_others_inboxes(
    asking: Asking, postman: Postman, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, member, stranger = peer.person(project), peer.person(project), peer.person()
    event = await publisher.task(project, to=person)
    await postman.next()
    await asking.once(person, event, state=Delivery.SENT)
    told = await asking.explain(member, event)
    assert told.event.task_id == event.task_id
    known = {field.name for field, _ in told.ListFields()}
    assert known <= {"event", "stream_sequence", "in_stream", "effect_time"}
    for who, what in ((stranger, event), (person, Event(event_id=person.id))):
        with pytest.raises(EventNotFound) as caught:
            await asking.explain(who, what)
        error: ServiceError = caught.value
        assert error.reason == "EVENT_NOT_FOUND"


async def test_the_devices_that_have_seen_it_are_named(
    asking: Asking, postman: Postman, connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream:
        await stream.hear("welcome")
        await stream.subscribe("in", inbox=True)
        event = await publisher.task(project, to=person)
        while (told := await stream.hear()).WhichOneof("message") != "events":
            pass  # counts of unread
        (came,) = told.events.events
        await stream.say(ack=Ack(id="in", cursor=came.cursor))
        async with asyncio.timeout(60):
            while not (acks := (await asking.explain(person, event)).acks):  # noqa: ASYNC110 - written every second
                await asyncio.sleep(0.05)
    assert [ack.device for ack in acks] == [person.session_id]
    await postman.next()
