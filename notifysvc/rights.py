"""Who holds streams open, and what they may see at this moment.

A right that is taken away is gone from open streams at once: the events tell of it (member.*, session.ended,
token.revoked), and are heeded here before anybody hears of them. Should an event be late, asking tasksvc again every
few seconds finds out.

An answer of tasksvc may be older than an event that was heeded while it was on its way, and must not undo that: then
it is asked once more.

A question about each token would be thousands of calls a second for thousands of users: those that are due together
are asked about together, and so are those who come together.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import inf
from typing import Final, Protocol, Self

import structlog
from taskbell.accounts.v1.accounts_pb2 import Principal
from taskbell.events.v1.events_pb2 import Event

from chassis.errors import (
    ProjectNotFound,
    ScopeMissing,
    ServiceError,
    SessionEnded,
    TokenExpired,
    TokenInvalid,
    Unavailable,
)
from notifysvc.accounts import TOGETHER, Accounts
from notifysvc.entry import Entry

SCOPE: Final = "notifications:read"
RECHECK: Final = 3.0
"""Seconds until tasksvc is asked again: with a slow answer still within the five that are promised."""
TRUST: Final = 60.0
"""Seconds for which a stream goes on while tasksvc can't be asked. Events that take rights away come another way."""
_TICK: Final = 0.25
_AT_ONCE: Final = 8
_REMEMBERED: Final = 30.0

_log = structlog.get_logger("notifysvc.rights")


class Listener(Protocol):
    """One subscription of a guest that is interested in more than a project."""

    def hear(self, entry: Entry) -> None:
        """An event that the guest may see."""

    def hear_late(self, entry: Entry) -> None:
        """An event that the guest was not known to see when it came."""

    def interrupted(self) -> None:
        """What comes next won't follow on what came before."""


class Subscribed(Protocol):
    """Any subscription of a guest."""

    def leave(self, project: str, error: ServiceError) -> None:
        """The guest is no member of the project any more."""

    def look(self) -> None:
        """It is time to look whether anything has come lately."""

    def close(self) -> None:
        """The guest has gone."""


class Guest:
    """Whoever holds a stream open. Hears of changes, and is watched, as long as its block lasts."""

    def __init__(self, rights: "Rights", token: str, principal: Principal, asked: float) -> None:
        self._rights = rights
        self.user_id = principal.user_id
        self.projects = frozenset(principal.project_ids)
        self.listeners: list[Listener] = []
        """Those of the subscriptions that hear what this guest hears."""
        self.inboxes: list[Listener] = []
        """Those that hear, of that, only what concerns the guest."""
        self.subscriptions: list[Subscribed] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises why the guest has to go, at the moment when that is so."""
        self.admit(token, principal, asked)

    def __enter__(self) -> Self:
        self._rights.enter(self)
        return self

    def __exit__(self, *_error: object) -> None:
        self._rights.leave(self)

    def admit(self, token: str, principal: Principal, asked: float) -> None:
        """Lets the guest stay for as long as this token holds."""
        self.token = token
        self.credential_id = principal.session_id or principal.token_id
        self.scopes = frozenset(principal.scopes) if principal.token_id else None
        self.asked = asked
        """When tasksvc was asked for what is known here."""
        expires = principal.HasField("expire_time")
        self.expire_time = principal.expire_time.ToMilliseconds() / 1000 if expires else inf

    def may(self, scope: str) -> None:
        """Raises ScopeMissing unless the token allows for it; a session does everything."""
        if self.scopes is not None and scope not in self.scopes:
            raise ScopeMissing(f"This needs the scope {scope!r}.", metadata={"scope": scope})

    def sees(self, event: Event) -> bool:
        """Whether the guest may hear of this: of their projects, and of themselves."""
        return event.project_id in self.projects or self.user_id in (event.member.user_id, event.credential.user_id)

    @property
    def has_ended(self) -> bool:
        """Whether the guest has to go."""
        return self.ended.done()

    def end(self, error: ServiceError) -> None:
        """Sends the guest away."""
        if not self.ended.done():
            self.ended.set_exception(error)
            self.ended.exception()  # known: a stream that ends by itself at the same time never asks


class Rights:
    """The guests of this replica. A worker: keeps what is known of them fresh."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.guests: set[Guest] = set()
        self._of_user: defaultdict[str, set[Guest]] = defaultdict(set)
        self._of_project: defaultdict[str, set[Guest]] = defaultdict(set)
        self._changed: dict[str, float] = {}
        """When an event last told of a user's rights."""

    async def open(self, token: str) -> Guest:
        """Lets somebody in, whose block is to begin at once. Raises what is wrong with the token."""
        return Guest(self, token, *await self._admissible(token))

    async def renew(self, guest: Guest, token: str) -> None:
        """Lets somebody stay with another token of theirs. Raises what is wrong with it."""
        principal, asked = await self._admissible(token)
        if principal.user_id != guest.user_id:
            raise TokenInvalid("The token is another user's: open another stream.")
        guest.admit(token, principal, asked)
        self._set(guest, principal, asked)

    def enter(self, guest: Guest) -> None:
        """The guest hears of changes, and is watched, from now on."""
        self.guests.add(guest)
        self._of_user[guest.user_id].add(guest)
        for project in guest.projects:
            self._of_project[project].add(guest)

    def leave(self, guest: Guest) -> None:
        """The guest has gone."""
        for subscription in tuple(guest.subscriptions):
            subscription.close()
        self._set_projects(guest, frozenset())
        self._drop(self._of_user, guest.user_id, guest)
        self.guests.discard(guest)

    async def refresh(self, guest: Guest) -> None:
        """Asks now: the guest may have become a member a moment ago."""
        principal, asked = await self._ask(guest.token)
        self._set(guest, principal, asked)

    def audience(self, event: Event) -> set[Guest]:
        """The guests who may hear of the event."""
        found = self._of_project.get(event.project_id, set())
        for user_id in (event.member.user_id, event.credential.user_id):
            if user_id and user_id in self._of_user:
                found = found | self._of_user[user_id]
        return found

    def of(self, user_ids: Iterable[str]) -> Iterator[Guest]:
        """The guests who are these users."""
        for user_id in user_ids:
            yield from self._of_user.get(user_id, ())

    def heed(self, event: Event) -> list[Guest]:
        """Changes the rights as the event tells. Called with each event, before anybody hears of it.

        Returns the guests who have a right now that they did not have before.
        """
        newcomers: list[Guest] = []
        match event.type:
            case "member.added":
                self._changed[event.member.user_id] = time.monotonic()
                for guest in self._of_user.get(event.member.user_id, ()):
                    if event.project_id not in guest.projects:
                        newcomers.append(guest)
                        self._set_projects(guest, guest.projects | {event.project_id})
            case "member.removed":
                self._changed[event.member.user_id] = time.monotonic()
                for guest in self._of_user.get(event.member.user_id, ()):
                    self._set_projects(guest, guest.projects - {event.project_id})
            case "session.ended" | "token.revoked":
                self._changed[event.credential.user_id] = time.monotonic()
                for guest in self._of_user.get(event.credential.user_id, ()):
                    if guest.credential_id == event.credential.id:
                        guest.end(_gone(guest))
        return newcomers

    async def run(self, stopping: asyncio.Event) -> None:
        """Asks tasksvc about each token every few seconds, about many at once. Ends those whose time is over."""
        gate = asyncio.Semaphore(_AT_ONCE)
        while not stopping.is_set():
            now, clock = time.monotonic(), time.time()
            self._changed = {user: at for user, at in self._changed.items() if now - at < _REMEMBERED}
            due: defaultdict[str, list[Guest]] = defaultdict(list)
            for guest in self.guests:
                if guest.expire_time <= clock:
                    guest.end(TokenExpired("The token has expired: connect again with a new one."))
                elif now - guest.asked >= RECHECK and not guest.has_ended:
                    due[guest.token].append(guest)
            tokens = list(due)
            async with asyncio.TaskGroup() as group:
                for first in range(0, len(tokens), TOGETHER):
                    together = {token: due[token] for token in tokens[first : first + TOGETHER]}
                    group.create_task(self._recheck(together, gate))
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await stopping.wait()

    async def _recheck(self, together: dict[str, list[Guest]], gate: asyncio.Semaphore) -> None:
        """Asks about guests, by their tokens."""
        async with gate:
            asked = time.monotonic()
            try:
                outcomes = await self._accounts.introspect_all(together)
            except ServiceError as error:
                _log.warning("rights not checked", error=repr(error))
                self._doubt(guest for guests in together.values() for guest in guests)
                return
        for token, guests in together.items():
            for guest in guests:
                self._heed_outcome(guest, token, outcomes[token], asked)

    def _heed_outcome(self, guest: Guest, token: str, outcome: Principal | ServiceError, asked: float) -> None:
        if isinstance(outcome, ServiceError):
            if guest.token == token:  # else renewed meanwhile: another token's end is not the guest's
                guest.end(outcome)
        elif self._is_news(outcome, asked):
            self._set(guest, outcome, asked)
        # Else the guest stays due, and is asked about again at the next tick.

    def _doubt(self, guests: Iterable[Guest]) -> None:
        """Sends those away who could not be asked about for too long."""
        now = time.monotonic()
        for guest in guests:
            if now - guest.asked > TRUST:
                guest.end(Unavailable("Your rights can't be checked just now: connect again.", retry_after=1))

    async def _ask(self, token: str) -> tuple[Principal, float]:
        """Tasksvc's answer, at least as new as every event that was heeded, and when it was asked."""
        while True:
            asked = time.monotonic()
            principal = await self._accounts.introspect(token)
            if self._is_news(principal, asked):
                return principal, asked

    def _is_news(self, principal: Principal, asked: float) -> bool:
        """Whether an answer is at least as new as every event that was heeded."""
        return self._changed.get(principal.user_id, 0) < asked

    async def _admissible(self, token: str) -> tuple[Principal, float]:
        principal, asked = await self._ask(token)
        if principal.token_id and SCOPE not in principal.scopes:
            raise ScopeMissing(f"This stream needs the scope {SCOPE!r}.", metadata={"scope": SCOPE})
        return principal, asked

    def _set(self, guest: Guest, principal: Principal, asked: float) -> None:
        if guest in self.guests:
            guest.asked = asked
            self._set_projects(guest, frozenset(principal.project_ids))

    def _set_projects(self, guest: Guest, projects: frozenset[str]) -> None:
        gone, come = guest.projects - projects, projects - guest.projects
        guest.projects = projects
        for project in come:
            self._of_project[project].add(guest)
        for project in gone:
            self._drop(self._of_project, project, guest)
            for subscription in tuple(guest.subscriptions):
                subscription.leave(project, not_found(project))

    @staticmethod
    def _drop(index: defaultdict[str, set[Guest]], key: str, guest: Guest) -> None:
        index[key].discard(guest)
        if not index[key]:
            del index[key]


def not_found(project: str) -> ProjectNotFound:
    """What somebody is told who is no member."""
    return ProjectNotFound(
        f"There is no project {project}, or you are no member of it.", metadata={"project_id": project}
    )


def _gone(guest: Guest) -> ServiceError:
    if guest.scopes is None:
        return SessionEnded("The session has ended: log in again.")
    return TokenInvalid("The token has been revoked.")
