"""Live events: who hears what, in which order, from where on."""

from uuid import uuid4

import grpc.aio
import pytest
from taskbell.notifications.v1.notifications_pb2 import Ack, Hello, Subscribe, Unsubscribe
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import from_rpc_error
from chassis.jetstream import STREAM, Bus
from tests.integration.notifysvc.conftest import Connect, Watch
from tests.integration.notifysvc.listening import ids
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.publisher import Publisher


async def test_a_member_hears_each_change_of_the_project_once_and_in_order(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    async with watch(peer.person(project), project=project) as watching:
        task = str(uuid4())
        told = [await publisher.task(project, "updated", task_id=task) for _ in range(50)]
        assert ids(await watching.take(50)) == ids(told)


async def test_whoever_names_nothing_hears_of_all_their_projects_and_of_no_other(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    other, foreign = str(uuid4()), str(uuid4())
    async with watch(peer.person(project, other)) as watching:
        first = await publisher.task(project)
        await publisher.task(foreign)
        second = await publisher.task(other)
        assert ids(await watching.take(2)) == ids([first, second])


async def test_a_stream_goes_on_after_its_cursor_without_a_hole_and_without_a_repeat(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with watch(person, project=project) as watching:
        told = [await publisher.task(project) for _ in range(5)]
        seen = await watching.take(3)
    told += [await publisher.task(project) for _ in range(200)]
    async with watch(person, project=project, after=seen[-1].cursor) as watching:
        told += [await publisher.task(project) for _ in range(5)]
        seen += await watching.take(207)
    assert ids(seen) == ids(told)


async def test_a_filter_leaves_the_tasks_that_match_after_the_change(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream:
        await stream.hear("welcome")
        await stream.subscribe(filter='status = FAILED AND title:"milk" AND assignee = me')
        await publisher.task(project, "failed", status=Task.FAILED)
        await publisher.task(project, "failed", status=Task.FAILED, to=person, title="Bread")
        await publisher.task(project, to=person)
        wanted = await publisher.task(project, "failed", status=Task.FAILED, to=person)
        assert ids(await stream.events(1)) == [wanted.event_id]


async def test_the_token_may_come_in_the_first_message(connect: Connect, peer: Peer) -> None:
    person = peer.person()
    async with connect() as stream:
        await stream.say(hello=Hello(token=person.token))
        assert (await stream.hear("welcome")).user_id == person.id


async def test_a_stream_without_a_token_ends(connect: Connect) -> None:
    async with connect() as stream:
        await stream.say(subscribe=Subscribe(id="s1"))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stream.ended()
        assert from_rpc_error(raised.value).reason == "CREDENTIALS_MISSING"


async def test_an_api_token_without_the_scope_may_not_listen(connect: Connect, peer: Peer) -> None:
    token, _ = peer.api_token(peer.person(), "tasks:read")
    async with connect() as stream:
        await stream.say(hello=Hello(token=token))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stream.ended()
        assert from_rpc_error(raised.value).reason == "SCOPE_MISSING"


async def test_what_is_wrong_with_one_subscription_leaves_the_stream_and_the_others_alone(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    async with connect(peer.person(project)) as stream:
        await stream.hear("welcome")
        await stream.subscribe("good", project=project)
        wrong = [
            (Subscribe(id="a", project=str(uuid4())), "PROJECT_NOT_FOUND"),
            (Subscribe(id="b", filter="status = "), "INVALID_FILTER"),
            (Subscribe(id="c", after="garbage"), "INVALID_CURSOR"),
            (Subscribe(id="d", project="no id"), "INVALID_FIELD"),
            (Subscribe(id="good", project=project), "SUBSCRIPTION_EXISTS"),
        ]
        for request, reason in wrong:
            await stream.say(subscribe=request)
            error = await stream.hear("error")
            assert (error.id, error.code) == (request.id, reason)
        await stream.say(unsubscribe=Unsubscribe(id="nobody"))
        assert (await stream.hear("error")).code == "SUBSCRIPTION_NOT_FOUND"
        await stream.say(ack=Ack(id="good", cursor="garbage"))
        assert (await stream.hear("error")).code == "INVALID_CURSOR"
        told = await publisher.task(project)
        assert ids(await stream.events(1, "good")) == [told.event_id]


async def test_after_unsubscribed_nothing_more_comes_and_the_name_is_free(
    connect: Connect, watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream, watch(person, project=project) as watching:
        await stream.hear("welcome")
        await stream.subscribe("s1", project=project)
        await stream.say(unsubscribe=Unsubscribe(id="s1"))
        assert (await stream.hear("unsubscribed")).id == "s1"
        await publisher.task(project)
        await watching.next()
        subscribed = await stream.subscribe("s1", project=project)
        assert not subscribed.recovered
        told = await publisher.task(project)
        assert ids(await stream.events(1)) == [told.event_id]


async def test_a_client_that_has_said_everything_still_hears(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    async with connect(peer.person(project)) as stream:
        await stream.hear("welcome")
        await stream.subscribe(project=project)
        await stream.done()
        told = await publisher.task(project)
        assert ids(await stream.events(1)) == [told.event_id]


async def test_the_head_of_a_subscription_is_a_cursor_to_go_on_from(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream:
        await stream.hear("welcome")
        head = (await stream.subscribe(project=project)).head
    told = [await publisher.task(project) for _ in range(3)]
    async with connect(person) as stream:
        await stream.hear("welcome")
        assert (await stream.subscribe(project=project, after=head)).recovered
        assert ids(await stream.events(3)) == ids(told)


async def test_a_new_member_hears_of_the_project_from_then_on(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person()
    async with watch(person) as watching:
        await publisher.task(project)
        told = [await publisher.join(person, project), await publisher.task(project)]
        assert ids(await watching.take(2)) == ids(told)


async def test_a_new_member_hears_too_what_came_before_the_news_of_the_membership_and_happened_after_it(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, member = peer.person(), peer.person(project)
    async with watch(person) as watching, watch(member) as members:
        before = await publisher.task(project)
        joined = publisher.now()
        assigned = await publisher.task(project, to=person)
        assert ids(await members.take(2)) == ids([before, assigned])
        news = await publisher.join(person, project, at=joined)
        then = await publisher.task(project)
        assert ids(await watching.take(3)) == ids([assigned, news, then])


async def test_a_project_can_be_subscribed_to_before_its_event_has_come(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person()
    async with connect(person) as stream:
        await stream.hear("welcome")
        person.projects.add(project)
        await stream.subscribe(project=project)
        told = await publisher.task(project)
        assert ids(await stream.events(1)) == [told.event_id]


async def test_a_cursor_older_than_the_stream_is_a_gap_and_the_subscription_goes_on_from_the_head(
    connect: Connect, watch: Watch, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with watch(person, project=project) as watching:
        await publisher.task(project)
        cursor = (await watching.next()).cursor
        for _ in range(3):
            await publisher.task(project)
        info = await bus.jetstream.stream_info(STREAM)
    await bus.jetstream.purge_stream(STREAM, seq=info.state.last_seq)
    async with connect(person) as stream:
        await stream.hear("welcome")
        subscribed = await stream.subscribe(project=project, after=cursor)
        assert not subscribed.recovered
        gap = await stream.hear("gap")
        assert (gap.id, gap.head) == ("s1", subscribed.head)
        told = await publisher.task(project)
        assert ids(await stream.events(1)) == [told.event_id]
    async with watch(person, project=project, after=cursor) as watching:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await watching.next()
        assert from_rpc_error(raised.value).reason == "CURSOR_TOO_OLD"
