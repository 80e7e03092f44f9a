"""The part of tasksvc that notifysvc asks: a real server with users who come and go as a test says."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
from taskbell.accounts.v1 import accounts_pb2 as pb
from taskbell.accounts.v1 import accounts_pb2_grpc
from taskbell.events.v1 import ledger_pb2, ledger_pb2_grpc
from taskbell.events.v1.events_pb2 import Event
from taskbell.projects.v1 import projects_pb2, projects_pb2_grpc

from chassis.caller import Caller
from chassis.errors import EventNotFound, LinkInvalid, ProjectNotFound, TokenExpired, TokenInvalid
from chassis.grpc_server import GrpcServer, Service

_numbers = itertools.count(1)


@dataclass(eq=False)
class Person:
    """A user with one session."""

    name: str
    id: str = field(default_factory=lambda: str(uuid4()))
    session_id: str = field(default_factory=lambda: str(uuid4()))
    projects: set[str] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)
    domain: str = "example.com"

    @property
    def token(self) -> str:
        return f"session-{self.session_id}"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),)

    @property
    def email(self) -> str:
        return f"{self.name}@{self.domain}"


class Ledger(ledger_pb2_grpc.LedgerServiceServicer):
    """Knows what was committed."""

    def __init__(self) -> None:
        self.events: dict[str, tuple[Event, int]] = {}
        """With their sequences in the stream."""

    async def GetEvent(self, request: ledger_pb2.GetEventRequest, _context: Any) -> ledger_pb2.GetEventResponse:
        if request.event_id not in self.events:
            raise EventNotFound("There is no such event.")
        event, sequence = self.events[request.event_id]
        return ledger_pb2.GetEventResponse(event=event, stream_sequence=sequence)


class Projects(projects_pb2_grpc.ProjectServiceServicer):
    """Knows whose they are."""

    def __init__(self, people: dict[str, Person]) -> None:
        self._people = people
        self.deleted: set[str] = set()

    async def GetOwners(self, request: projects_pb2.GetOwnersRequest, _context: Any) -> projects_pb2.Owners:
        if request.project_id in self.deleted:
            raise ProjectNotFound("There is no such project.")
        owners = [person.id for person in self._people.values() if request.project_id in person.owned]
        return projects_pb2.Owners(title="Summer house", user_ids=owners)


class Peer(accounts_pb2_grpc.AccountServiceServicer):
    """Knows people, and who each token speaks for."""

    def __init__(self, service_key: str) -> None:
        self._service_key = service_key
        self._people: dict[str, Person] = {}
        self._server: GrpcServer | None = None
        self.port = 0
        self.tokens: dict[str, pb.Principal] = {}
        self.asked = 0
        self.asked_together: list[int] = []
        """About how many tokens each question was that could be about many."""
        self.ledger = Ledger()
        self.projects = Projects(self._people)  # type: ignore[abstract]  # what nobody asks is left out
        self.removed: set[str] = set()
        """Users who are no more, though their sessions are."""
        self.used_links: set[str] = set()
        self._older = False
        self._held: dict[str, tuple[asyncio.Event, asyncio.Event]] = {}

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def person(self, *projects: str) -> Person:
        """A new user who is signed in and a member of these projects."""
        person = Person(f"person{next(_numbers)}", projects=set(projects))
        self._people[person.id] = person
        self.tokens[person.token] = pb.Principal(user_id=person.id, session_id=person.session_id)
        return person

    def owner(self, *projects: str) -> Person:
        """A new user who owns these projects."""
        person = self.person(*projects)
        person.owned = set(projects)
        return person

    def api_token(self, person: Person, *scopes: str) -> tuple[str, str]:
        """A token of theirs, and its id."""
        token_id = str(uuid4())
        self.tokens[f"tb_{token_id}"] = pb.Principal(user_id=person.id, token_id=token_id, scopes=scopes)
        return f"tb_{token_id}", token_id

    @asynccontextmanager
    async def holding(self, token: str) -> AsyncIterator[None]:
        """Begins when the token is asked about; the answer waits for the end of the block."""
        came, go = self._held[token] = asyncio.Event(), asyncio.Event()
        try:
            await came.wait()
            yield
        finally:
            del self._held[token]
            go.set()

    @contextmanager
    def older(self) -> Iterator[None]:
        """As it was before it could be asked about many tokens at once."""
        self._older = True
        yield
        self._older = False

    async def start(self) -> None:
        descriptor = pb.DESCRIPTOR.services_by_name["AccountService"]
        service = Service(accounts_pb2_grpc.add_AccountServiceServicer_to_server, self, descriptor)
        ledger = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"]
        events = Service(ledger_pb2_grpc.add_LedgerServiceServicer_to_server, self.ledger, ledger)
        whose = projects_pb2.DESCRIPTOR.services_by_name["ProjectService"]
        projects = Service(projects_pb2_grpc.add_ProjectServiceServicer_to_server, self.projects, whose)
        self._server = GrpcServer(
            [service, events, projects],
            host="127.0.0.1",
            port=self.port,
            authenticate=_nobody,
            service_key=self._service_key,
        )
        await self._server.start()
        self.port = self._server.port

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.drain(0)
            self._server = None

    async def IntrospectToken(self, request: pb.IntrospectTokenRequest, _context: Any) -> pb.Principal:
        self.asked += 1
        return await self._principal(request.token)

    async def _introspect(self, token: str) -> pb.Introspection:
        try:
            return pb.Introspection(principal=await self._principal(token))
        except (TokenExpired, TokenInvalid) as error:
            return pb.Introspection(refusal=pb.Refusal(reason=error.reason, message=error.message))

    async def _principal(self, token: str) -> pb.Principal:
        if held := self._held.get(token):
            came, go = held
            came.set()
            await go.wait()
        if token == "expired":
            raise TokenExpired("The token has expired.")
        if token not in self.tokens:
            raise TokenInvalid("There is no such token.")
        principal = pb.Principal()
        principal.CopyFrom(self.tokens[token])
        person = self._people[principal.user_id]
        principal.project_ids.extend(sorted(person.projects))
        principal.owned_project_ids.extend(sorted(person.owned))
        return principal

    async def IntrospectTokens(self, request: pb.IntrospectTokensRequest, context: Any) -> pb.IntrospectTokensResponse:
        if self._older:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        self.asked_together.append(len(request.tokens))
        return pb.IntrospectTokensResponse(introspections=[await self._introspect(each) for each in request.tokens])

    async def BatchGetUsers(self, request: pb.BatchGetUsersRequest, _context: Any) -> pb.BatchGetUsersResponse:
        found = (self._people[each] for each in request.user_ids if each in self._people.keys() - self.removed)
        return pb.BatchGetUsersResponse(
            users=[pb.User(id=each.id, username=each.name, email=each.email) for each in found]
        )

    async def IssueLink(self, request: pb.IssueLinkRequest, _context: Any) -> pb.Link:
        if request.event_id in self.used_links:
            raise LinkInvalid("This link was used.")
        link = pb.Link(token=f"token-of-{request.event_id}")
        link.expire_time.FromJsonString("2026-11-23T15:04:05Z")
        return link


async def _nobody(_token: str) -> Caller:
    raise TokenInvalid("Only services call.")
