"""A feed against a server that hangs up, leaves and forgets."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1 import notifications_pb2 as live

from chassis.errors import Internal, InvalidFilter, TokenExpired, Unavailable
from cli import sdk
from cli.client import Client
from cli.config_file import ConfigFile
from cli.credentials import StoredSession
from cli.feed import Feed, Happening, Lost, Resumed
from tests.integration.cli.conftest import Opened
from tests.integration.cli.peer import Conversation, Peer


def events(*cursors: str) -> live.Events:
    return live.Events(id="feed", events=[Event(event_id=cursor, cursor=cursor) for cursor in cursors])


async def until(feed: Feed, wanted: str) -> list[Happening]:
    """What happens up to the event of that id."""
    seen: list[Happening] = []
    async with asyncio.timeout(60), aclosing(feed.happenings()) as happenings:
        async for happening in happenings:
            seen.append(happening)
            if isinstance(happening, sdk.events.Event) and happening.event_id == wanted:
                break
    return seen


def ids(seen: list[Happening]) -> list[str]:
    return [each.event_id for each in seen if isinstance(each, sdk.events.Event)]


async def test_it_goes_on_after_the_last_event_when_the_server_hangs_up(peer: Peer, client: Client) -> None:
    after: list[str] = []

    async def first(talk: Conversation) -> None:
        after.append((await talk.hears("subscribe")).after)
        await talk.says(subscribed=live.Subscribed(id="feed", head="c0"))
        await talk.says(events=events("c1", "c2"))
        await talk.hears("ack")
        await talk.fails(Unavailable("restarting"))

    async def second(talk: Conversation) -> None:
        after.append((await talk.hears("subscribe")).after)
        await talk.says(subscribed=live.Subscribed(id="feed", head="c9", recovered=True))
        await talk.says(events=events("c3"))
        await talk.hears("ack")

    peer.script += [first, second]
    seen = await until(Feed(client, project="p", filter_="f"), "c3")
    assert ids(seen) == ["c1", "c2", "c3"]
    assert after == ["", "c2"]
    assert [each.recovered for each in seen if isinstance(each, Resumed)] == [False, True]
    assert [each.reason for each in seen if isinstance(each, Lost)] == ["restarting"]


async def test_nothing_is_missed_when_the_connection_breaks_before_the_first_event(peer: Peer, client: Client) -> None:
    after: list[str] = []

    async def first(talk: Conversation) -> None:
        await talk.hears("subscribe")
        await talk.says(subscribed=live.Subscribed(id="feed", head="c7"))
        await talk.says(inbox=live.InboxState(unread=2))
        await talk.fails(Internal("oops"))

    async def second(talk: Conversation) -> None:
        after.append((await talk.hears("subscribe")).after)
        await talk.says(events=events("c8"))
        await talk.hears("ack")

    peer.script += [first, second]
    seen = await until(Feed(client), "c8")
    assert after == ["c7"]
    assert [each.unread for each in seen if isinstance(each, sdk.notifications.InboxState)] == [2]


async def test_progress_moves_the_cursor_where_nothing_matched(peer: Peer, client: Client) -> None:
    after: list[str] = []

    async def first(talk: Conversation) -> None:
        await talk.hears("subscribe")
        await talk.says(subscribed=live.Subscribed(id="feed", head="c1"))
        await talk.says(progress=live.ProgressMark(id="feed", cursor="c500"))
        await talk.says(going_away=live.GoingAway(reconnect_after_ms=1))
        await talk.hears("nothing, and so the client's hanging up")

    async def second(talk: Conversation) -> None:
        after.append((await talk.hears("subscribe")).after)
        await talk.says(events=events("c501"))
        await talk.hears("ack")

    peer.script += [swallowed(first), second]
    await until(Feed(client), "c501")
    assert after == ["c500"]


async def test_a_gap_is_told_and_the_feed_goes_on_from_there(peer: Peer, client: Client) -> None:
    async def talk(talk: Conversation) -> None:
        await talk.hears("subscribe")
        await talk.says(subscribed=live.Subscribed(id="feed", head="c90"))
        await talk.says(gap=live.Gap(id="feed", head="c90"))
        await talk.says(events=events("c91"))
        await talk.hears("ack")

    peer.script.append(talk)
    seen = await until(Feed(client, after="c1"), "c91")
    assert [each.head for each in seen if isinstance(each, sdk.notifications.Gap)] == ["c90"]


async def test_a_ping_is_answered(peer: Peer, client: Client) -> None:
    async def talk(talk: Conversation) -> None:
        await talk.hears("subscribe")
        await talk.says(ping=live.Ping())
        await talk.hears("pong")
        await talk.says(events=events("c1"))
        await talk.hears("ack")

    peer.script.append(talk)
    assert ids(await until(Feed(client), "c1")) == ["c1"]


async def test_a_token_that_ends_midway_is_renewed(peer: Peer, opened: Opened, logged_in: ConfigFile) -> None:
    tokens: list[str] = []

    async def talk(talk: Conversation) -> None:
        tokens.append(str(dict(talk.context.invocation_metadata() or ())["authorization"]))
        await talk.hears("subscribe")
        await talk.says(subscribed=live.Subscribed(id="feed", head="c0"))
        if len(tokens) == 1:
            await talk.fails(TokenExpired("the access token has ended"))
        await talk.says(events=events("c1"))
        await talk.hears("ack")

    peer.script += [talk, talk]
    client = opened(credentials=StoredSession(logged_in, "default"))
    assert ids(await until(Feed(client), "c1")) == ["c1"]
    assert tokens == ["Bearer access-0", "Bearer access-1"]


async def test_what_waiting_cannot_cure_ends_the_feed(peer: Peer, client: Client) -> None:
    async def talk(talk: Conversation) -> None:
        await talk.hears("subscribe")
        await talk.says(error=live.Error(id="feed", code="INVALID_FILTER", message="at 3: what is that?"))
        await talk.hears("the client's hanging up")

    peer.script.append(swallowed(talk))
    with pytest.raises(InvalidFilter, match="what is that"):
        await until(Feed(client, filter_="?!"), "never")


async def test_a_server_that_was_never_there_is_not_waited_for(peer: Peer, opened: Opened) -> None:
    with pytest.raises(Unavailable):
        await until(Feed(opened(notify_address="127.0.0.1:1", token="access-0")), "never")


def swallowed(talk: Any) -> Any:
    """The same conversation, of which the client is expected to hang up."""

    async def quiet(conversation: Conversation) -> None:
        with pytest.raises((AssertionError, asyncio.CancelledError)):
            await talk(conversation)

    return quiet
