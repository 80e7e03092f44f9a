"""Inboxes, looked through and cleared by what the notifications are about."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc.aio
import pytest
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1 import notifications_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import from_rpc_error
from devstack.process import Process
from tests.integration.notifysvc.conftest import Connect, StartReplica
from tests.integration.notifysvc.listening import ids
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.publisher import Publisher


class Reader:
    """A person, and how they look at their inbox."""

    def __init__(self, inbox: Any, connect: Connect, person: Person) -> None:
        self._inbox = inbox
        self._connect = connect
        self.person = person

    async def has(self, unread: int) -> None:
        """Waits until so many notifications are unread."""
        async with self._connect(self.person) as stream:
            await stream.hear("welcome")
            await stream.subscribe(inbox=True)
            while True:
                heard = await stream.hear()
                if heard.HasField("inbox") and heard.inbox.unread == unread:
                    return

    async def page(self, filter_: str = "", **wanted: Any) -> pb.ListNotificationsResponse:
        request = pb.ListNotificationsRequest(filter=filter_, **wanted)
        response: pb.ListNotificationsResponse = await self._inbox.ListNotifications(
            request, metadata=self.person.metadata
        )
        return response

    async def events(self, filter_: str = "", **wanted: Any) -> list[str]:
        return ids(each.event for each in (await self.page(filter_, **wanted)).notifications)

    async def mark(self, state: Notification.State.ValueType, **wanted: Any) -> int:
        response: pb.MarkNotificationsResponse = await self._inbox.MarkNotifications(
            pb.MarkNotificationsRequest(state=state, **wanted), metadata=self.person.metadata
        )
        return response.unread_count


@pytest.fixture
def reader(inbox: Any, connect: Connect, peer: Peer) -> Callable[[str], Reader]:
    return lambda project: Reader(inbox, connect, peer.person(project))


@pytest.fixture
def ann(reader: Callable[[str], Reader], project: str) -> Reader:
    return reader(project)


@pytest.fixture
async def told(ann: Reader, peer: Peer, publisher: Publisher, project: str) -> Sequence[Event]:
    """In Ann's inbox: a task for her, a comment on it, a mention, and a task of another project that has failed."""
    boss, elsewhere = peer.person(project), str(uuid4())
    ann.person.projects.add(elsewhere)
    assigned = await publisher.task(project, by=boss, to=ann.person, title="Paint the walls")
    comment = await publisher.comment(assigned, "Which colour?", by=boss)
    other = await publisher.task(project, by=boss, title="Buy paint")
    mention = await publisher.comment(other, "@ann knows", by=boss, mentioned=[ann.person])
    failed = await publisher.task(elsewhere, "failed", by=ann.person, title="Back up", status=Task.FAILED)
    await ann.has(unread=4)
    return assigned, comment, mention, failed


async def test_a_comment_is_in_the_inbox_of_those_it_concerns_with_the_reason(
    reader: Callable[[str], Reader], peer: Peer, publisher: Publisher, project: str
) -> None:
    boss, worker, earlier, named = [reader(project) for _ in range(4)]
    task = await publisher.task(project, by=boss.person, to=worker.person)
    await publisher.comment(
        task, "look", by=boss.person, commenters=[earlier.person], mentioned=[named.person, earlier.person]
    )
    for person, reasons in (
        (worker, [Notification.COMMENTED, Notification.ASSIGNED]),
        (earlier, [Notification.MENTIONED]),
        (named, [Notification.MENTIONED]),
        (boss, []),
    ):
        await person.has(unread=len(reasons))
        page = await person.page()
        assert [each.reason for each in page.notifications] == reasons
    assert (await named.page()).notifications[0].event.comment.text == "look"


async def test_a_filter_finds_what_it_names(ann: Reader, told: Sequence[Event], project: str) -> None:
    assigned, comment, mention, failed = [event.event_id for event in told]
    task_id, actor_id = told[0].task_id, told[0].actor_id
    for filter_, expected in (
        ("reason = MENTIONED", [mention]),
        ("reason = ASSIGNED OR reason = FAILED", [failed, assigned]),
        ("reason != COMMENTED", [failed, mention, assigned]),
        (f'project = "{project}"', [mention, comment, assigned]),
        (f'project_id != "{project}"', [failed]),
        (f'task_id = "{task_id}"', [comment, assigned]),
        (f"taskId = {task_id} AND type = comment.created", [comment]),
        ("type:comment", [mention, comment]),
        ("actor = me", [failed]),
        (f'actor_id = "{actor_id}" paint', [mention, comment, assigned]),
        ('title = "Paint the walls"', [comment, assigned]),
        ('create_time > "2026-01-01T00:00:00Z" AND -paint', [failed]),
        ('create_time > "2126-01-01T00:00:00Z"', []),
        ("state = UNREAD AND reason = MENTIONED", [mention]),
        ("state = READ", []),
    ):
        assert (filter_, await ann.events(filter_)) == (filter_, expected)


async def test_pages_of_a_filter_leave_nothing_out_and_are_its_own(ann: Reader, told: Sequence[Event]) -> None:
    first = await ann.page("paint", page_size=2)
    second = await ann.page("paint", page_size=2, page_token=first.next_page_token)
    found = ids(each.event for each in (*first.notifications, *second.notifications))
    assert found == ids(reversed(told[:3]))
    assert (second.next_page_token, first.unread_count) == ("", 4)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ann.page("walls", page_token=first.next_page_token)
    assert from_rpc_error(raised.value).reason == "INVALID_PAGE_TOKEN"


async def test_an_inbox_is_read_from_its_oldest_end_if_asked(ann: Reader, told: Sequence[Event]) -> None:
    first = await ann.page(order_by="createTime", page_size=3)
    second = await ann.page(order_by="createTime", page_size=3, page_token=first.next_page_token)
    assert ids(each.event for each in (*first.notifications, *second.notifications)) == ids(told)
    assert second.next_page_token == ""
    for wrong in ("title", "create_time desc, id"):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await ann.page(order_by=wrong)
        assert from_rpc_error(raised.value).reason == "INVALID_ORDER_BY"


async def test_marking_by_a_filter_changes_what_it_names_and_the_count(ann: Reader, told: Sequence[Event]) -> None:
    assigned, comment, mention, failed = [event.event_id for event in told]
    assert await ann.mark(Notification.READ, filter=f'task = "{told[0].task_id}"') == 2
    assert await ann.events("state = READ") == [comment, assigned]
    assert await ann.events(state=Notification.UNREAD) == [failed, mention]
    assert await ann.mark(Notification.ARCHIVED, filter="reason = FAILED") == 1
    assert await ann.events() == [mention, comment, assigned]
    assert await ann.events("state = ARCHIVED") == [failed]
    # What is put away stays there, unless it is asked for.
    assert await ann.mark(Notification.UNREAD, filter="type:task") == 2
    assert await ann.mark(Notification.UNREAD, filter="state = ARCHIVED") == 3
    assert await ann.events("state = UNREAD") == [failed, mention, assigned]
    assert await ann.mark(Notification.READ, all=True) == 0


async def test_marking_by_a_filter_is_told_to_every_device_and_touches_nobody_else(
    reader: Callable[[str], Reader],
    ann: Reader,
    connect: Connect,
    told: Sequence[Event],
    publisher: Publisher,
    project: str,
) -> None:
    bob = reader(project)
    await publisher.comment(told[0], "you too", by=ann.person, mentioned=[bob.person])
    await bob.has(unread=1)
    async with connect(ann.person) as phone:
        await phone.hear("welcome")
        await phone.subscribe(inbox=True)
        assert (await phone.hear("inbox")).unread == 4
        await ann.mark(Notification.READ, filter=f'task = "{told[0].task_id}"')
        assert (await phone.hear("inbox")).unread == 2
    await bob.has(unread=1)


async def test_a_stream_marks_by_a_filter_too(ann: Reader, connect: Connect, told: Sequence[Event]) -> None:
    async with connect(ann.person) as stream:
        await stream.hear("welcome")
        await stream.say(mark=pb.Mark(id="m", filter="type:comment", state=Notification.READ))
        answer = await stream.hear("inbox")
        assert (answer.id, answer.unread) == ("m", 2)
        await stream.say(mark=pb.Mark(id="n", filter="type:", state=Notification.READ))
        refused = await stream.hear("error")
        assert (refused.id, refused.code) == ("n", "INVALID_FILTER")
    assert (await ann.page()).unread_count == 2


@pytest.mark.parametrize(
    ("filter_", "says"),
    [
        ("status = PENDING", "status"),
        ("reason = SOON", "MENTIONED"),
        ("reason > ASSIGNED", "order"),
        ("task = 42", "UUID"),
        ("create_time > yesterday", "RFC 3339"),
        ("reason =", "position"),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused_and_marks_nothing(
    ann: Reader, told: Sequence[Event], filter_: str, says: str
) -> None:
    for attempt in (ann.page(filter_), ann.mark(Notification.READ, filter=filter_)):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await attempt
        error = from_rpc_error(raised.value)
        assert error.reason == "INVALID_FILTER"
        assert says in error.message or says in error.metadata
    assert (await ann.page()).unread_count == 4


@pytest.mark.parametrize("more", [{"ids": [str(uuid4())]}, {"all": True}])
async def test_marking_takes_one_of_ids_all_and_a_filter(ann: Reader, more: dict[str, Any]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ann.mark(Notification.READ, filter="reason = FAILED", **more)
    assert from_rpc_error(raised.value).reason == "INVALID_FIELD"


async def test_what_came_before_there_were_filters_is_found_too(
    ann: Reader, told: Sequence[Event], database: str, start_replica: StartReplica
) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "UPDATE notifysvc.notifications SET type = NULL, task_id = NULL, project_id = NULL, actor_id = NULL,"
            " title = NULL WHERE user_id = $1",
            UUID(ann.person.id),
        )
        assert await ann.events("paint") == []
        replica: Process = await start_replica()  # looks at once
        async with asyncio.timeout(60):
            while await connection.fetchval(  # noqa: ASYNC110 - another process writes it
                "SELECT count(*) FROM notifysvc.notifications WHERE type IS NULL"
            ):
                await asyncio.sleep(0.02)
        await replica.stop()
    finally:
        await connection.close()
    assert await ann.events("paint") == ids(reversed(told[:3]))
    assert await ann.events(f'task = "{told[0].task_id}" AND type:task') == [told[0].event_id]


async def test_a_page_of_large_events_is_cut_where_clients_could_not_take_it(
    ann: Reader, publisher: Publisher, project: str
) -> None:
    told = [
        await publisher.task(project, to=ann.person, title=str(number), description="x" * 500_000)
        for number in range(12)
    ]
    await ann.has(unread=12)
    page = await ann.page(page_size=1000)
    assert 0 < len(page.notifications) < 12
    rest = await ann.page(page_size=1000, page_token=page.next_page_token)
    found = ids(each.event for each in (*page.notifications, *rest.notifications))
    assert found == ids(reversed(told))[: len(found)]
