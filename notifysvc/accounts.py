"""What notifysvc asks tasksvc: who a token speaks for, where a user's e-mail goes, and what its link carries."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import grpc
from taskbell.accounts.v1.accounts_pb2 import (
    BatchGetUsersRequest,
    Introspection,
    IntrospectTokenRequest,
    IntrospectTokensRequest,
    IssueLinkRequest,
    Link,
    Principal,
    User,
)
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub

from chassis.caller import Caller
from chassis.errors import ServiceError, from_reason
from notifysvc.membership import member_of

if TYPE_CHECKING:  # there only in the stubs
    from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceAsyncStub

_TIMEOUT = 3.0


class Accounts:
    """tasksvc's AccountService, through a channel that carries the service key."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: AccountServiceAsyncStub = AccountServiceStub(channel)

    async def introspect(self, token: str) -> Principal:
        """Who the token speaks for at this moment. Raises what is wrong with it, or Unavailable."""
        return await self._stub.IntrospectToken(IntrospectTokenRequest(token=token), timeout=_TIMEOUT)

    async def introspect_all(self, tokens: Sequence[str]) -> list[Principal | ServiceError]:
        """Who each token speaks for at this moment, or what is wrong with it. Raises Unavailable."""
        try:
            answer = await self._stub.IntrospectTokens(IntrospectTokensRequest(tokens=tokens), timeout=_TIMEOUT)
        except ServiceError as error:
            if error.code is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            # A rolling upgrade: the tasksvc that was asked is the older one, which can't tell of many at once.
            return await asyncio.gather(*map(self._outcome, tokens))
        return [_outcome(each) for each in answer.introspections]

    async def _outcome(self, token: str) -> Principal | ServiceError:
        try:
            return await self.introspect(token)
        except ServiceError as error:
            if error.code is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            return error

    async def users(self, user_ids: Iterable[str]) -> dict[str, User]:
        """Those of the users that exist, by id. Raises Unavailable."""
        answer = await self._stub.BatchGetUsers(BatchGetUsersRequest(user_ids=list(user_ids)), timeout=_TIMEOUT)
        return {user.id: user for user in answer.users}

    async def issue_link(self, event_id: str) -> Link:
        """The link that an event has mailed. Raises LinkInvalid if nobody needs it any more, or Unavailable."""
        return await self._stub.IssueLink(IssueLinkRequest(event_id=event_id), timeout=_TIMEOUT)

    async def authenticate(self, token: str) -> Caller:
        """Who makes a call with this token."""
        return member_of(await self.introspect(token))


def _outcome(introspection: Introspection) -> Principal | ServiceError:
    if introspection.HasField("principal"):
        return introspection.principal
    refusal = introspection.refusal
    return from_reason(grpc.StatusCode.UNAUTHENTICATED, refusal.reason, refusal.message)
