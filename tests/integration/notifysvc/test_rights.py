"""Rights that end while a stream is open."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack

import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.notifications.v1.notifications_pb2 import Hello

from chassis.errors import from_rpc_error
from tests.integration.notifysvc.conftest import Connect, StartReplica, Watch
from tests.integration.notifysvc.listening import Connected, Watching, ids
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.publisher import Publisher

PROMISED = 5.0
"""Seconds after which a right that was taken away is gone, also from open streams."""


async def end(stream: Connected | Watching, within: float = PROMISED) -> str:
    """The reason for which the stream ends, with what the test says before."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asyncio.wait_for(stream.ended(), within)
    return from_rpc_error(raised.value).reason


async def refusal(stream: Connected | Watching, within: float = PROMISED) -> str:
    """The same of one that ends because of who holds it."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asyncio.wait_for(stream.ended(), within)
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
    return from_rpc_error(raised.value).reason


async def test_logging_out_ends_the_open_streams_of_that_session_at_once(
    connect: Connect, watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, other = peer.person(project), peer.person(project)
    async with connect(person) as stream, watch(person) as watching, watch(other) as others:
        await stream.hear("welcome")
        await publisher.log_out(person)
        assert await refusal(stream, within=1) == "SESSION_ENDED"
        assert await refusal(watching, within=1) == "SESSION_ENDED"
        told = await publisher.task(project)
        assert ids([await others.next()]) == [told.event_id]


async def test_revoking_a_token_ends_its_streams_at_once(connect: Connect, peer: Peer, publisher: Publisher) -> None:
    person = peer.person()
    token, token_id = peer.api_token(person, "notifications:read")
    async with connect() as stream, connect(person) as session:
        await stream.say(hello=Hello(token=token))
        await stream.hear("welcome")
        await session.hear("welcome")
        await publisher.revoke(person, token, token_id)
        assert await refusal(stream, within=1) == "TOKEN_INVALID"
        await session.subscribe()


async def test_a_revocation_whose_event_never_comes_ends_the_stream_within_five_seconds(
    connect: Connect, peer: Peer
) -> None:
    person = peer.person()
    async with connect(person) as stream:
        await stream.hear("welcome")
        del peer.tokens[person.token]
        assert await refusal(stream) == "TOKEN_INVALID"


async def test_a_token_that_expires_ends_the_stream_unless_it_says_hello_with_a_new_one(
    connect: Connect, peer: Peer
) -> None:
    person = peer.person()
    soon = Timestamp()
    soon.FromMilliseconds(int(time.time() * 1000) + 1000)
    peer.tokens["short"] = peer.tokens[person.token]
    peer.tokens["short"].expire_time.CopyFrom(soon)
    peer.tokens["long"] = type(peer.tokens["short"])(user_id=person.id, session_id=person.session_id)
    async with connect() as ends, connect() as stays:
        for stream in (ends, stays):
            await stream.say(hello=Hello(token="short"))
            await stream.hear("welcome")
        await stays.say(hello=Hello(token="long"))
        await stays.hear("welcome")
        assert await refusal(ends) == "TOKEN_EXPIRED"
        await stays.subscribe()


async def test_a_removed_member_hears_no_more_of_the_project(
    connect: Connect, watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person, member = peer.person(project), peer.person(project)
    async with connect(person) as stream, watch(member) as watching:
        await stream.hear("welcome")
        await stream.subscribe("narrow", project=project)
        await stream.subscribe("wide")
        removed = await publisher.remove(person, project)
        secret = await publisher.task(project)
        assert ids(await watching.take(2)) == ids([removed, secret])
        heard = [await stream.hear(), await stream.hear()]
        errors = [each.error for each in heard if each.HasField("error")]
        events = [event for each in heard for event in each.events.events]
        assert [(error.id, error.code) for error in errors] == [("narrow", "PROJECT_NOT_FOUND")]
        assert ids(events) == [removed.event_id]
        again = await publisher.join(person, project)
        assert ids(await stream.events(1, "wide")) == [again.event_id]


async def test_a_token_that_ends_just_when_it_was_replaced_does_not_end_the_stream(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    replaced, _ = peer.api_token(person, "notifications:read")
    async with connect() as stream:
        await stream.say(hello=Hello(token=replaced))
        await stream.hear("welcome")
        async with peer.holding(replaced):
            del peer.tokens[replaced]
            await stream.say(hello=Hello(token=person.token))
            await stream.hear("welcome")
        async with asyncio.timeout(PROMISED), peer.holding(person.token):
            pass  # by now the other answer has been heeded
        await stream.subscribe(project=project)
        told = await publisher.task(project)
        assert ids(await stream.events(1)) == [told.event_id]


async def test_a_removal_whose_event_never_comes_is_found_within_five_seconds(
    connect: Connect, watch: Watch, peer: Peer, project: str
) -> None:
    person = peer.person(project)
    async with connect(person) as stream, watch(person, project=project) as watching:
        await stream.hear("welcome")
        await stream.subscribe(project=project)
        person.projects.discard(project)
        async with asyncio.timeout(PROMISED):
            error = await stream.hear("error")
            assert (error.id, error.code) == ("s1", "PROJECT_NOT_FOUND")
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await watching.next()
            assert from_rpc_error(raised.value).reason == "PROJECT_NOT_FOUND"


async def test_hundreds_who_come_in_the_same_moment_are_all_let_in_and_only_bad_tokens_are_refused(
    connect: Connect, peer: Peer, publisher: Publisher, project: str
) -> None:
    people = [peer.person(project) for _ in range(300)]
    # One person on many devices, and tokens that must not spoil the question about the others.
    tokens = [*(person.token for person in people), *[people[0].token] * 20, "nonsense", "expired", "x" * 5000]
    asked_singly = peer.asked
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(connect(token=token)) for token in tokens]
        *good, nonsense, expired, overlong = streams
        await asyncio.gather(*(stream.hear("welcome") for stream in good))
        assert [await refusal(each) for each in (nonsense, expired, overlong)] == [
            "TOKEN_INVALID",
            "TOKEN_EXPIRED",
            "TOKEN_INVALID",
        ]
        await asyncio.gather(*(stream.subscribe(project=project) for stream in good))
        told = await publisher.task(project)
        assert {*await asyncio.gather(*(_first_id(stream) for stream in good))} == {told.event_id}
    assert peer.asked == asked_singly


async def test_who_comes_while_tasksvc_is_away_is_told_to_come_again_and_is_let_in_when_it_is_back(
    connect: Connect, peer: Peer
) -> None:
    people = [peer.person() for _ in range(20)]
    await peer.stop()
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(connect(person)) for person in people]
        for stream in streams:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stream.ended()
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    await peer.start()
    async with connect(people[0]) as stream:
        await stream.hear("welcome")


async def _first_id(stream: Connected) -> str:
    [event] = await stream.events(1)
    return event.event_id


async def test_the_streams_of_many_people_are_checked_together_and_each_by_its_own_rights(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    people = [peer.person(project) for _ in range(300)]
    async with AsyncExitStack() as stack:
        watching = [await stack.enter_async_context(watch(person, project=project)) for person in people]
        asked_singly = peer.asked
        for person in people[::3]:
            del peer.tokens[person.token]
        for person in people[1::3]:
            person.projects.discard(project)
        ends = Counter(await asyncio.gather(*map(end, watching[::3] + watching[1::3])))
        assert ends == {"TOKEN_INVALID": 100, "PROJECT_NOT_FOUND": 100}
        told = await publisher.task(project)
        for each in watching[2::3]:
            assert ids([await each.next()]) == [told.event_id]
    assert peer.asked == asked_singly
    assert max(peer.asked_together) > 1


async def test_rights_end_as_soon_while_tasksvc_is_still_the_older_version(connect: Connect, peer: Peer) -> None:
    leaving, staying = peer.person(), peer.person()
    with peer.older():
        async with connect(leaving) as stream, connect(staying) as other:
            await stream.hear("welcome")
            await other.hear("welcome")
            del peer.tokens[leaving.token]
            assert await refusal(stream) == "TOKEN_INVALID"
            await other.subscribe()


async def test_a_stream_outlives_a_restart_of_tasksvc(
    watch: Watch, peer: Peer, publisher: Publisher, project: str
) -> None:
    person = peer.person(project)
    async with watch(person) as watching:
        await peer.stop()
        told = [await publisher.task(project)]
        await asyncio.sleep(PROMISED)  # the time in which it would be asked
        told.append(await publisher.task(project))
        assert ids(await watching.take(2)) == ids(told)
        await peer.start()
        del peer.tokens[person.token]
        assert await refusal(watching, within=2 * PROMISED) == "TOKEN_INVALID"


async def test_a_server_that_leaves_says_so_and_ends_its_streams_within_its_grace(
    start_replica: StartReplica, peer: Peer, publisher: Publisher, project: str
) -> None:
    leaving = await start_replica()
    person = peer.person(project)
    async with grpc.aio.insecure_channel(leaving.address) as channel, Connected(channel, person) as stream:
        await stream.hear("welcome")
        await stream.subscribe(project=project)
        stopping = asyncio.create_task(leaving.stop())
        going = await stream.hear("going_away")
        assert going.reconnect_after_ms > 0
        await stream.ended()
        await stopping
    assert leaving.returncode == 0
