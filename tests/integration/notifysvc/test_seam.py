"""The seam between what is read from the stream and what the feed brings, strained in one process."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import pytest_asyncio
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import WatchRequest

from chassis import grpc_client, postgres
from chassis.jetstream import STREAM, Bus
from notifysvc import ring, subscription
from notifysvc.accounts import Accounts
from notifysvc.event_log import EventLog
from notifysvc.feed import Feed
from notifysvc.mutes import Mutes
from notifysvc.rights import Rights
from notifysvc.ring import Batch
from notifysvc.subscription import Lost, Progress
from notifysvc.tail import Tail
from tests.integration.notifysvc.conftest import SERVICE_KEY
from tests.integration.notifysvc.listening import ids
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.publisher import Publisher

EVENTS = 400
END = "the end"


class Room:
    """A feed, and who is let in to listen."""

    def __init__(self, feed: Feed, rights: Rights) -> None:
        self._feed = feed
        self._rights = rights

    async def read(self, person: Person, project: str, after: str, count: int, pace: random.Random) -> list[Event]:
        """The next events: some `count`, or up to the end, at an uneven pace."""
        heard: list[Event] = []
        with await self._rights.open(person.token) as guest:
            listening = await self._feed.subscribe(guest, WatchRequest(project=project, after=after))
            async with aclosing(listening.deliveries()) as deliveries:
                async for delivery in deliveries:
                    assert isinstance(delivery, Batch)
                    heard += [entry.event for entry, _ in delivery.entries]
                    if len(heard) >= count or heard[-1].task.title == END:
                        break
                    await asyncio.sleep(pace.choice([0, 0, 0.001, 0.02]))
        return heard


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def room(bus: Bus, peer: Peer, database: str) -> AsyncIterator[Room]:
    async with (
        grpc_client.channel(peer.address, service_key=SERVICE_KEY) as channel,
        postgres.connect(database, "notifysvc", 1) as pool,
    ):
        log, rights = EventLog(bus), Rights(Accounts(channel))
        tail = Tail(bus, log)
        feed = Feed(log, tail, rights, Mutes(pool))
        stopping = asyncio.Event()
        running = asyncio.create_task(feed.run(stopping))
        await tail.started()
        yield Room(feed, rights)
        stopping.set()
        await running


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_reads_slowly_and_comes_again_at_random_misses_nothing_and_gets_nothing_twice(
    room: Room, monkeypatch: pytest.MonkeyPatch, peer: Peer, publisher: Publisher, project: str, seed: int
) -> None:
    monkeypatch.setattr(ring, "MOST_ENTRIES", 4)
    pace = random.Random(seed)  # noqa: S311 - chance that can be repeated
    person = peer.person(project)
    told: list[str] = []

    async def publish() -> None:
        while len(told) < EVENTS:
            burst = [await publisher.task(project) for _ in range(pace.randint(1, 12))]
            told.extend(ids(burst))
            await asyncio.sleep(pace.choice([0, 0.001]))
        told.append((await publisher.task(project, title=END)).event_id)

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(room.read(person, project, "", 1, pace))
        group.create_task(publish())
        heard = await reading
        async with asyncio.timeout(60):
            while heard[-1].task.title != END:
                heard += await room.read(person, project, heard[-1].cursor, pace.randint(1, 60), pace)
    assert ids(heard) == told[told.index(heard[0].event_id) :]


async def test_who_hears_nothing_for_a_while_is_told_how_far_it_is(
    room: Room, monkeypatch: pytest.MonkeyPatch, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    monkeypatch.setattr(subscription, "PROGRESS", 0.2)
    with await room._rights.open(peer.person(project).token) as guest:
        listening = await room._feed.subscribe(guest, WatchRequest(project=project))
        await publisher.task("00000000-0000-4000-8000-000000000000")
        last = (await bus.jetstream.stream_info(STREAM)).state.last_seq
        async with aclosing(listening.deliveries()) as deliveries:
            async for delivery in deliveries:
                assert isinstance(delivery, Progress)
                if delivery.cursor.sequence == last:
                    break


async def test_a_stream_that_was_made_anew_is_a_gap_for_those_who_listen(
    room: Room, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    with await room._rights.open(peer.person(project).token) as guest:
        listening = await room._feed.subscribe(guest, WatchRequest(project=project))
        async with aclosing(listening.deliveries()) as deliveries:
            await publisher.task(project)
            assert isinstance(await anext(deliveries), Batch)
            await bus.jetstream.delete_stream(STREAM)
            await bus.declare()
            publisher.forget()
            assert isinstance(await anext(deliveries), Lost)
            event = await publisher.task(project)
            delivery = await anext(deliveries)
            assert isinstance(delivery, Batch)
            assert [entry.event.event_id for entry, _ in delivery.entries] == [event.event_id]
