"""Processes that die, and come back, at any moment."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from taskbell.notifications.v1 import notifications_pb2 as pb
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceStub

import notifysvc as package
from chassis.jetstream import STREAM, Bus
from chassis.migrations import migrate
from devstack.process import Process
from devstack.stack import SERVERS_ALONE, Stack
from notifysvc.consumer import NAME
from tests.conftest import MakeStack
from tests.integration.notifysvc.conftest import Connect, StartReplica, Watch
from tests.integration.notifysvc.listening import Watching, ids
from tests.integration.notifysvc.peer import Peer, Person
from tests.integration.notifysvc.publisher import Publisher
from tests.integration.notifysvc.webhook_desk import Desk
from tests.mailbox import Mailbox


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def servers(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """Servers that nobody else uses: they are killed."""
    async with make_stack(replicas=SERVERS_ALONE) as stack:
        yield stack


@pytest.fixture(scope="module")
def database(servers: Stack) -> str:
    migrate(servers.database_url, "notifysvc", Path(str(package.__file__)).parent / "sql" / "migrations")
    return servers.database_url


@pytest.fixture(scope="module")
def nats_url(servers: Stack) -> str:
    return servers.nats_url


async def settled(bus: Bus) -> None:
    """Waits until every event has had its effect and is acknowledged."""
    async with asyncio.timeout(60):
        while True:
            info = await bus.jetstream.consumer_info(STREAM, NAME)
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.1)  # the server tells nobody


async def hears(channel: grpc.aio.Channel, person: Person, publisher: Publisher, project: str) -> bool:
    """Whether a new stream is let in; then it must bring what happens."""
    async with Watching(channel, person, pb.WatchRequest(project=project)) as watching:
        told = await publisher.task(project)
        try:
            heard = await watching.next()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return False
            raise
    assert heard.event_id == told.event_id
    return True


async def test_open_streams_outlive_a_nats_server_that_is_killed_without_a_hole_and_without_a_repeat(
    servers: Stack, watch: Watch, connect: Connect, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with watch(person, project=project) as watching, connect(person) as stream:
        await stream.hear("welcome")
        await stream.subscribe(project=project)
        told = [await publisher.task(project) for _ in range(20)]
        for stop in (servers.nats.kill, servers.nats.stop):
            await stop()
            await servers.nats.start()
            await bus.ready()
            told += [await publisher.task(project) for _ in range(20)]
        assert ids(await watching.take(60)) == ids(told)
        assert ids(await stream.events(60)) == ids(told)


async def test_a_client_goes_on_from_its_cursor_after_notifysvc_was_killed(
    notifysvc: Process, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with (
        grpc.aio.insecure_channel(notifysvc.address) as channel,
        Watching(channel, person, pb.WatchRequest(project=project)) as watching,
    ):
        told = [await publisher.task(project) for _ in range(10)]
        seen = await watching.take(5)
        await notifysvc.kill()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await watching.ended()
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    told += [await publisher.task(project) for _ in range(10)]
    await notifysvc.start()
    async with grpc.aio.insecure_channel(notifysvc.address) as channel:
        request = pb.WatchRequest(project=project, after=seen[-1].cursor)
        async with Watching(channel, person, request) as watching:
            seen += await watching.take(15)
    assert ids(seen) == ids(told)


async def test_an_event_whose_consumer_is_killed_before_the_acknowledgement_has_its_effect_once(
    servers: Stack,
    notifysvc: Process,
    start_replica: StartReplica,
    bus: Bus,
    peer: Peer,
    publisher: Publisher,
    project: str,
) -> None:
    person = peer.owner(project)
    async with grpc.aio.insecure_channel(notifysvc.address) as channel:
        webhook = await Desk(channel, person, project).create("http://hooks.invalid/")
    await settled(bus)
    await notifysvc.kill()
    doomed = await start_replica(program="tests.integration.notifysvc.dies_before_ack")
    event = await publisher.task(project, to=person)
    account = await publisher.account("confirmation_requested", person)
    assert await doomed.ended() == -signal.SIGKILL
    await notifysvc.start()
    await settled(bus)
    async with grpc.aio.insecure_channel(notifysvc.address) as channel, Mailbox(servers.mail_url) as mailbox:
        stub: Any = NotificationServiceStub(channel)
        found = await stub.ListNotifications(pb.ListNotificationsRequest(), metadata=person.metadata)
        assert ids(each.event for each in found.notifications) == [event.event_id]
        assert found.unread_count == 1
        deliveries = await Desk(channel, person, project).deliveries(webhook)
        assert [each.event_id for each in deliveries] == [event.event_id]
        mails = await mailbox.arrived(f"to:{person.email}", 2)
        assert sorted(mail["MessageID"].partition(".")[0] for mail in mails) == sorted(
            each.event_id for each in (event, account)
        )


async def test_it_starts_before_nats_and_tasksvc_and_works_when_they_come(
    servers: Stack, start_replica: StartReplica, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await peer.stop()
    await servers.nats.stop()
    early = await start_replica()
    async with grpc.aio.insecure_channel(early.address) as channel:
        stub: Any = NotificationServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.ListNotifications(pb.ListNotificationsRequest(), metadata=person.metadata)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        await peer.start()
        await servers.nats.start()
        await bus.ready()
        async with asyncio.timeout(60):
            while not await hears(channel, person, publisher, project):  # noqa: ASYNC110 - another process gets ready
                await asyncio.sleep(0.1)
    await early.stop()
    assert early.returncode == 0


async def test_an_event_that_came_while_the_database_was_away_has_its_effect_when_it_is_back(
    servers: Stack, notifysvc: Process, bus: Bus, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    await servers.postgres.stop()
    event = await publisher.task(project, to=person)
    await asyncio.sleep(1)  # it is tried in vain meanwhile
    await servers.postgres.start()
    await settled(bus)
    async with grpc.aio.insecure_channel(notifysvc.address) as channel:
        stub: Any = NotificationServiceStub(channel)
        found = await stub.ListNotifications(pb.ListNotificationsRequest(), metadata=person.metadata)
        assert ids(each.event for each in found.notifications) == [event.event_id]
