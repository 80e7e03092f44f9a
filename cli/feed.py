"""Events as they happen: when the connection is lost it is made again, and goes on after the last cursor."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chassis.errors import ServiceError, TokenExpired, UnknownError
from cli.reconnect import passes, wait_before
from cli.sdk import events, notifications

if TYPE_CHECKING:
    from cli.client import Client

_ID: Final = "feed"


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone; another is tried after a wait."""

    reason: str
    wait: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """The subscription runs (again)."""

    recovered: bool
    """Whether it goes on where it was, with nothing left out."""


Happening = events.Event | notifications.InboxState | notifications.Gap | Lost | Resumed


class Feed:
    """One subscription, narrowed to what is named; `cursor` tells how far it has come."""

    def __init__(
        self, client: "Client", *, project: str = "", inbox: bool = False, filter_: str = "", after: str = ""
    ) -> None:
        self._client = client
        self._subscribe = notifications.Subscribe(id=_ID, project=project, inbox=inbox, filter=filter_)
        self.cursor = after
        self._ran = False

    async def happenings(self) -> AsyncGenerator[Happening]:
        """What happens, until an error that waiting doesn't cure; before the first subscription any error is one."""
        failures = 0
        while True:
            try:
                async for happening in self._conversation():
                    failures = 0
                    yield happening
                lost = Lost("the server has ended the stream", 0.0)
            except TokenExpired as error:
                # The transport has a new token by now, if there is one.
                if failures:
                    raise
                lost = Lost(error.message, 0.0)
            except ServiceError as error:
                if not passes(error) or not self._ran:
                    raise
                lost = Lost(error.message, error.retry_after or 0.0)
            except _GoingAway as leaving:
                lost = Lost("the server is leaving", leaving.wait)
            failures += 1
            wait = wait_before(failures, lost.wait)
            yield Lost(lost.reason, wait)
            await asyncio.sleep(wait)

    async def _conversation(self) -> AsyncIterator[Happening]:
        says: asyncio.Queue[notifications.ConnectRequest] = asyncio.Queue()
        self._subscribe.after = self.cursor
        says.put_nowait(notifications.ConnectRequest(subscribe=self._subscribe))
        async for heard in self._client.notifications.connect(_said(says)):
            if heard.events is not None:
                for event in heard.events.events:
                    yield event
                    self.cursor = event.cursor or self.cursor
                says.put_nowait(notifications.ConnectRequest(ack=notifications.Ack(id=_ID, cursor=self.cursor)))
            elif heard.ping is not None:
                says.put_nowait(notifications.ConnectRequest(pong=notifications.Pong()))
            elif happening := self._heard(heard):
                yield happening

    def _heard(self, heard: notifications.ConnectResponse) -> Happening | None:
        if heard.going_away is not None:
            raise _GoingAway(heard.going_away.reconnect_after_ms / 1000)
        if heard.error is not None:
            raise _error(heard.error)
        if heard.subscribed is not None:
            self._ran = True
            self.cursor = self.cursor or heard.subscribed.head
            return Resumed(heard.subscribed.recovered)
        if heard.progress is not None:
            self.cursor = heard.progress.cursor
        if heard.gap is not None:
            self.cursor = heard.gap.head
        return heard.gap or heard.inbox


class _GoingAway(Exception):
    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait


async def _said(says: "asyncio.Queue[notifications.ConnectRequest]") -> AsyncIterator[notifications.ConnectRequest]:
    while True:
        yield await says.get()


def _error(told: notifications.Error) -> ServiceError:
    kind = next((kind for kind in ServiceError.kinds() if kind.reason == told.code), UnknownError)
    return kind(told.message)
