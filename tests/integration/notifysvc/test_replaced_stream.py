"""The stream loses its newest events, and is filled again: nobody who reads on misses one without being told."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc.aio
import pytest
import pytest_asyncio
from taskbell.notifications.v1 import notifications_pb2 as pb

import notifysvc as package
from chassis.jetstream import STREAM, Bus, task_subject
from chassis.migrations import migrate
from devstack.stack import SERVERS_ALONE, Stack
from tests.conftest import MakeStack
from tests.integration.notifysvc.conftest import Connect, Watch
from tests.integration.notifysvc.listening import ids
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.publisher import Publisher

Undo = Callable[[], Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def servers(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """Servers that nobody else uses."""
    async with make_stack(replicas=SERVERS_ALONE) as stack:
        yield stack


@pytest.fixture(scope="module")
def database(servers: Stack) -> str:
    migrate(servers.database_url, "notifysvc", Path(str(package.__file__)).parent / "sql" / "migrations")
    return servers.database_url


@pytest.fixture(scope="module")
def nats_url(servers: Stack) -> str:
    return servers.nats_url


async def found_out(watch: Watch, peer: Peer, publisher: Publisher) -> None:
    """Waits until notifysvc knows the stream as it is now: a stream that began before would be told of another gap."""
    project = str(uuid4())
    person = peer.person(project)
    while True:
        try:
            async with watch(person, project=project) as watching:
                told = await publisher.task(project)
                assert (await watching.next()).event_id == told.event_id
        except grpc.aio.AioRpcError:  # no, but it does now
            continue
        return


@pytest.fixture
async def undo(servers: Stack, bus: Bus, watch: Watch, peer: Peer, publisher: Publisher, tmp_path: Path) -> Undo:
    """Lets the stream forget what was published since."""
    await found_out(watch, peer, publisher)
    data, copy = servers.folder / "nats", tmp_path / "nats"
    await servers.nats.stop()
    await asyncio.to_thread(shutil.copytree, data, copy)
    await servers.nats.start()
    await bus.ready()

    async def bring_back() -> None:
        await servers.nats.kill()
        await asyncio.to_thread(shutil.rmtree, data)
        await asyncio.to_thread(shutil.copytree, copy, data)
        await servers.nats.start()
        await bus.ready()

    return bring_back


async def test_a_cursor_of_what_was_lost_gets_a_gap_even_if_the_same_event_came_to_its_place_again(
    watch: Watch, bus: Bus, peer: Peer, publisher: Publisher, project: str, undo: Undo
) -> None:
    person = peer.person(project)
    async with watch(person, project=project) as watching:
        told = [await publisher.task(project) for _ in range(3)]
        first, _, third = await watching.take(3)
    await undo()
    # Two others come before the third now, of which whoever has seen the third knows only one.
    await publisher.task(project)
    again = [told[0], told[2], told[1]]
    places = [
        await bus.publish(
            task_subject(project, event.task_id), event.SerializeToString(), event_id=event.event_id, after=0
        )
        for event in again
    ]
    assert (await bus.extent()).last == places[-1]
    for seen in (first, third):
        with pytest.raises(grpc.aio.AioRpcError, match="no longer kept"):
            async with watch(person, project=project, after=seen.cursor) as watching:
                await watching.next()


async def test_an_open_stream_is_told_of_a_gap_and_goes_on(
    connect: Connect, peer: Peer, publisher: Publisher, project: str, undo: Undo
) -> None:
    async with connect(peer.person(project)) as stream:
        await stream.hear("welcome")
        await stream.subscribe(project=project)
        lost = [await publisher.task(project) for _ in range(3)]
        assert ids(await stream.events(3)) == ids(lost)
        await undo()
        others = [await publisher.task(project) for _ in range(5)]
        gap = await stream.hear("gap")
        seen: list[Any] = []
        async with connect(peer.person(project)) as another:
            await another.hear("welcome")
            await another.subscribe(project=project, after=gap.head)
            last = await publisher.task(project)
            while not seen or seen[-1].event_id != last.event_id:
                seen += (await stream.hear("events")).events
            assert ids(await another.events(len(seen))) == ids(seen)
    assert ids(seen) == ids([*others, last])[-len(seen) :]


async def test_inboxes_hear_of_what_comes_to_the_places_of_what_was_lost(
    inbox: Any, peer: Peer, publisher: Publisher, project: str, undo: Undo
) -> None:
    person = peer.person(project)
    lost = [await publisher.task(project, to=person) for _ in range(3)]
    await noted(inbox, person.metadata, 3)
    await undo()
    others = [await publisher.task(project, to=person) for _ in range(3)]
    assert await noted(inbox, person.metadata, 6) == {*ids(lost), *ids(others)}


async def test_inboxes_go_on_with_a_stream_that_was_made_anew(
    inbox: Any, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await bus.jetstream.delete_stream(STREAM)
    await bus.declare()
    publisher.forget()
    told = [await publisher.task(project, to=person) for _ in range(3)]
    assert await noted(inbox, person.metadata, 3) == {*ids(told)}


async def noted(inbox: Any, metadata: Any, count: int) -> set[str]:
    """The events in somebody's inbox, once there are so many."""
    async with asyncio.timeout(60):
        while True:
            found = await inbox.ListNotifications(pb.ListNotificationsRequest(), metadata=metadata)
            if len(found.notifications) >= count:
                return {*ids(each.event for each in found.notifications)}
            await asyncio.sleep(0.05)  # nobody tells
