"""Inboxes: who gets what, how it is listed and marked, and the count of unread on every device."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc.aio
import pytest
import pytest_asyncio
from taskbell.notifications.v1 import notifications_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import from_rpc_error
from tests.integration.notifysvc.conftest import Connect, StartReplica
from tests.integration.notifysvc.listening import Connected, ids
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.publisher import Publisher


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def second(start_replica: StartReplica) -> AsyncIterator[grpc.aio.Channel]:
    """Another replica."""
    replica = await start_replica()
    async with grpc.aio.insecure_channel(replica.address) as channel:
        yield channel


async def listed(inbox: Any, person: Person, **wanted: Any) -> pb.ListNotificationsResponse:
    response: pb.ListNotificationsResponse = await inbox.ListNotifications(
        pb.ListNotificationsRequest(**wanted), metadata=person.metadata
    )
    return response


async def mark(inbox: Any, person: Person, state: Notification.State.ValueType, *each: str, **wanted: Any) -> int:
    request = pb.MarkNotificationsRequest(ids=each, state=state, **wanted)
    response: pb.MarkNotificationsResponse = await inbox.MarkNotifications(request, metadata=person.metadata)
    return response.unread_count


async def unread(stream: Connected, count: int) -> None:
    """Waits until the stream has told this count."""
    while True:
        heard = await stream.hear()
        if heard.HasField("inbox") and heard.inbox.unread == count:
            return


async def until_noted(database: str, person: Person, *, gone: bool) -> None:
    """Waits until a replica has noted the departure, or the return: another one may be at the next event already."""
    connection = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(60):
            while gone is not await connection.fetchval(  # noqa: ASYNC110 - another process writes it
                "SELECT gone FROM notifysvc.departures WHERE user_id = $1", UUID(person.id)
            ):
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def test_what_concerns_a_person_is_in_their_inbox_once_for_each_event_with_the_reason(
    connect: Connect, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    boss, worker = peer.person(project), peer.person(project)
    task: dict[str, Any] = {"by": boss, "to": worker, "task_id": str(uuid4())}
    async with connect(boss) as bosses, connect(worker) as workers:
        for stream in (bosses, workers):
            await stream.hear("welcome")
            await stream.subscribe(inbox=True)
        await publisher.task(project, **task)
        await publisher.task(project, "updated", changed=("title",), **task)
        await publisher.task(project, "updated", changed=("assignee_id",), **task)
        await publisher.task(project, "started", **task)
        await publisher.task(project, "completed", status=Task.COMPLETED, **task)
        await publisher.task(project, "cancelled", status=Task.CANCELLED, **task)
        await publisher.task(project, "failed", status=Task.FAILED, **task)
        await unread(bosses, 3)
        await unread(workers, 5)
    ended = [Notification.FAILED, Notification.CANCELLED, Notification.COMPLETED]
    found = (await listed(inbox, boss)).notifications
    assert [each.reason for each in found] == ended
    assert [each.event.type for each in found] == ["task.failed", "task.cancelled", "task.completed"]
    assert [each.reason for each in (await listed(inbox, worker)).notifications] == [
        *ended,
        Notification.ASSIGNED,
        Notification.ASSIGNED,
    ]


async def test_a_deadline_is_in_the_inbox_of_whoever_is_to_do_the_task(
    connect: Connect, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    boss, worker = peer.person(project), peer.person(project)
    async with connect(boss) as bosses, connect(worker) as workers:
        for stream in (bosses, workers):
            await stream.hear("welcome")
            await stream.subscribe(inbox=True)
        await publisher.task(project, "due_soon", by=boss, to=worker)
        await publisher.task(project, "overdue", by=boss)
        await unread(bosses, 1)
        await unread(workers, 1)
    assert [each.reason for each in (await listed(inbox, boss)).notifications] == [Notification.OVERDUE]
    assert [each.reason for each in (await listed(inbox, worker)).notifications] == [Notification.DUE_SOON]


async def test_an_inbox_subscription_brings_what_concerns_the_person_and_nothing_else(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream:
        await stream.hear("welcome")
        await stream.subscribe(inbox=True)
        assert (await stream.hear("inbox")).unread == 0
        await publisher.task(project)
        mine = await publisher.task(project, to=person)
        heard: dict[str, pb.ConnectResponse] = {}
        while not heard.keys() >= {"events", "inbox"}:  # the event and the count come by two ways, in any order
            response = await stream.hear()
            heard[response.WhichOneof("message")] = response
        assert ids(heard["events"].events.events) == [mine.event_id]
        assert heard["inbox"].inbox.unread == 1


async def test_each_change_of_the_inbox_is_told_once(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream:
        await stream.hear("welcome")
        await stream.subscribe(inbox=True)
        told = [(await stream.hear("inbox")).unread]
        for count in range(1, 6):
            await publisher.task(project, to=person)
            while told[-1] != count:
                heard = await stream.hear()
                if heard.HasField("inbox"):
                    told.append(heard.inbox.unread)
    assert list(dict.fromkeys(told)) == list(range(6))
    # An event that has to come again brings its count along again; heard twice by itself, every change would.
    assert len(told) < 9


async def test_pages_hold_every_notification_once_newest_first(
    connect: Connect, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream:
        await stream.hear("welcome")
        await stream.subscribe(inbox=True)
        told = [await publisher.task(project, to=person) for _ in range(7)]
        await unread(stream, 7)
    found: list[Notification] = []
    token = ""
    for size in (3, 3, 1):
        page = await listed(inbox, person, page_size=3, page_token=token)
        assert (len(page.notifications), page.unread_count) == (size, 7)
        found += page.notifications
        token = page.next_page_token
    assert not token
    assert ids(each.event for each in found) == ids(reversed(told))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await listed(inbox, person, page_token="garbage")
    assert from_rpc_error(raised.value).reason == "INVALID_PAGE_TOKEN"


async def test_marking_changes_the_count_and_the_lists(
    connect: Connect, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream:
        await stream.hear("welcome")
        await stream.subscribe(inbox=True)
        for _ in range(4):
            await publisher.task(project, to=person)
        await unread(stream, 4)
    newest, second, third, oldest = [each.id for each in (await listed(inbox, person)).notifications]
    assert await mark(inbox, person, Notification.READ, newest, second) == 2
    assert await mark(inbox, person, Notification.ARCHIVED, oldest) == 1
    assert [each.id for each in (await listed(inbox, person)).notifications] == [newest, second, third]
    for state, expected in {
        Notification.UNREAD: [third],
        Notification.READ: [newest, second],
        Notification.ARCHIVED: [oldest],
    }.items():
        assert [each.id for each in (await listed(inbox, person, state=state)).notifications] == expected
    assert await mark(inbox, person, Notification.READ, all=True) == 0
    assert [each.id for each in (await listed(inbox, person, state=Notification.ARCHIVED)).notifications] == [oldest]
    assert await mark(inbox, person, Notification.UNREAD, newest) == 1
    assert await mark(inbox, person, Notification.UNREAD, newest) == 1


async def test_a_notification_of_somebody_else_is_not_found_and_nothing_is_marked(
    connect: Connect, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, other = peer.person(project), peer.person(project)
    async with connect(person) as stream, connect(other) as others:
        for each, who in ((stream, person), (others, other)):
            await each.hear("welcome")
            await each.subscribe(inbox=True)
            await publisher.task(project, to=who)
            await unread(each, 1)
    mine = (await listed(inbox, person)).notifications[0].id
    theirs = (await listed(inbox, other)).notifications[0].id
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await mark(inbox, person, Notification.READ, mine, theirs)
    assert from_rpc_error(raised.value).reason == "NOTIFICATION_NOT_FOUND"
    assert (await listed(inbox, person)).unread_count == 1
    assert (await listed(inbox, other)).unread_count == 1


@pytest.mark.parametrize("wanted", [{}, {"all": True, "ids": [str(uuid4())]}])
async def test_marking_takes_either_ids_or_all(inbox: Any, peer: Peer, wanted: dict[str, Any]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await mark(inbox, peer.person(), Notification.READ, *wanted.get("ids", ()), all=wanted.get("all", False))
    assert from_rpc_error(raised.value).reason == "INVALID_FIELD"


async def test_every_device_learns_the_unread_count_whichever_replica_it_is_connected_to(
    connect: Connect, second: grpc.aio.Channel, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as phone, Connected(second, person) as desk:
        for stream in (phone, desk):
            await stream.hear("welcome")
            await stream.subscribe(inbox=True)
        await publisher.task(project, to=person)
        for stream in (phone, desk):
            await unread(stream, 1)
        await mark(inbox, person, Notification.READ, all=True)
        for stream in (phone, desk):
            await unread(stream, 0)


async def test_replicas_share_the_events_and_each_has_its_effect_once(
    connect: Connect, second: grpc.aio.Channel, inbox: Any, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream, Connected(second, person) as other:
        for each in (stream, other):
            await each.hear("welcome")
            await each.subscribe(inbox=True)
        told = [await publisher.task(project, to=person) for _ in range(150)]
        for each in (stream, other):
            await unread(each, 150)
    found = (await listed(inbox, person, page_size=1000)).notifications
    assert ids(each.event for each in found) == ids(reversed(told))


async def test_somebody_who_left_the_project_is_not_told_what_becomes_of_their_task(
    connect: Connect, inbox: Any, database: str, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, member = peer.person(project), peer.person(project)
    task_id = str(uuid4())
    async with connect(member) as stream:
        await stream.hear("welcome")
        await stream.subscribe(inbox=True)
        joined = await publisher.join(person, project)
        await publisher.remove(person, project)
        await until_noted(database, person, gone=True)
        await publisher.again(joined)
        await publisher.task(project, "completed", task_id=task_id, by=person, to=member)
        await unread(stream, 1)
        assert (await listed(inbox, person)).unread_count == 0
        await publisher.join(person, project)
        await until_noted(database, person, gone=False)
        await publisher.task(project, "completed", task_id=task_id, by=person, to=member)
        await unread(stream, 2)
        assert (await listed(inbox, person)).unread_count == 1
