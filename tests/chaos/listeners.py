"""Clients of the live stream in each dialect: they connect again after their last cursor whenever they are cut off.

They hang up by themselves, too, every few seconds: each time is one more seam between what was missed and what comes.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from chassis.errors import DeadlineExceeded, Unavailable
from cli.client import Client
from cli.feed import Feed, Happening, Resumed
from cli.sdk import events, notifications
from tests.chaos.delivery_settings import STAYS, STAYS_AWAY

_SILENCE: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
"""A stream says something every 15 or 20 seconds."""
_PASSING: Final = ("UNAVAILABLE", "DEADLINE_EXCEEDED")
"""What is said while something behind the server is away; INTERNAL would be a mistake of ours."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, as far as it matters."""

    event_id: str
    task_id: str
    version: int


@dataclass(slots=True)
class Transcript:
    """What one client was told."""

    name: str
    cursor: str
    """After which it goes on."""
    heard: list[Heard] = field(default_factory=list)
    gaps: int = 0
    connections: int = 0
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with the first connection."""

    def connect(self, *, recovered: bool) -> None:
        """It runs, on one more connection: where it was, or it heard of a gap."""
        self.connections += 1
        self.gaps += not recovered
        self.connected.set()

    def note(self, event: Mapping[str, Any]) -> None:
        """An event came, as JSON."""
        self.cursor = event["cursor"]
        if event.get("taskId"):
            self.heard.append(Heard(event["eventId"], event["taskId"], event.get("taskVersion", 0)))


async def head(client: Client, project: str) -> str:
    """The cursor of this moment."""
    feed = Feed(client, project=project)
    async with aclosing(feed.happenings()) as happenings:
        async for happening in happenings:
            if isinstance(happening, Resumed):
                break
    return feed.cursor


async def listen_over_grpc(client: Client, transcript: Transcript, **wanted: Any) -> None:
    """The SDK's feed, which goes on by itself when it is cut off."""

    async def once() -> None:
        feed = Feed(client, after=transcript.cursor, **wanted)
        try:
            async with aclosing(feed.happenings()) as happenings:
                async for happening in happenings:
                    _take_happening(transcript, happening)
        except (DeadlineExceeded, Unavailable):
            pass  # it was before the first answer
        finally:
            transcript.cursor = feed.cursor

    await _again_and_again(once)


def _take_happening(transcript: Transcript, happening: Happening) -> None:
    match happening:
        case events.Event(task_id=task_id) if task_id:
            transcript.heard.append(Heard(happening.event_id, task_id, happening.task_version))
        case Resumed(recovered):
            transcript.connect(recovered=recovered)
        case notifications.Gap():
            transcript.gaps += 1


async def listen_over_websocket(http: aiohttp.ClientSession, transcript: Transcript, **wanted: Any) -> None:
    """A conversation in JSON."""

    async def once() -> None:
        async with http.ws_connect("/v1/events", timeout=aiohttp.ClientWSTimeout(ws_receive=30)) as socket:
            await socket.send_json({"subscribe": {"id": "s", "after": transcript.cursor, **wanted}})
            async for frame in socket:
                _take_frame(transcript, json.loads(frame.data))

    await _again_and_again(once)


def _take_frame(transcript: Transcript, told: Mapping[str, Any]) -> None:
    match told:
        case {"subscribed": {"id": _, **subscribed}}:
            transcript.connect(recovered=subscribed.get("recovered") is True)
        case {"gap": _}:
            transcript.gaps += 1
        case {"events": {"events": found}}:
            for event in found:
                transcript.note(event)
        case {"progress": {"cursor": cursor}}:
            transcript.cursor = cursor
        case {"error": error}:
            assert error["code"] in _PASSING, error


async def listen_over_sse(http: aiohttp.ClientSession, transcript: Transcript, **wanted: Any) -> None:
    """Server-sent events, as a browser takes them."""

    async def once() -> None:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": transcript.cursor}
        async with http.get("/v1/events", params=wanted, headers=headers, timeout=_SILENCE) as response:
            if response.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.BAD_GATEWAY):
                return
            assert response.status == HTTPStatus.OK, await response.text()
            transcript.connect(recovered=True)
            async for kind, data in _server_sent(response):
                if kind == "error":
                    assert data["details"][0]["reason"] in _PASSING, data
                else:
                    transcript.note(data)

    await _again_and_again(once)


async def _server_sent(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """The type and the content of each event."""
    kind, data = "", ""
    async for raw in response.content:
        name, _, value = raw.decode().rstrip("\r\n").partition(": ")
        match name:
            case "event":
                kind = value
            case "data":
                data += value
            case "" if data:
                yield kind, json.loads(data)
                kind, data = "", ""


async def _again_and_again(once: Callable[[], Awaitable[None]]) -> None:
    while True:
        with suppress(aiohttp.ClientError, OSError):  # a timeout is an OSError
            async with asyncio.timeout(random.uniform(*STAYS)):  # noqa: S311 - chance, no secret
                await once()
        await asyncio.sleep(random.uniform(*STAYS_AWAY))  # noqa: S311 - chance, no secret
