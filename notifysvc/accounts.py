"""What notifysvc asks tasksvc: who a token speaks for, where a user's e-mail goes, and what its link carries."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Final

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
from chassis.errors import Internal, ServiceError, TokenInvalid, from_reason
from chassis.joint_reads import JointReads
from notifysvc.membership import member_of

if TYPE_CHECKING:  # there only in the stubs
    from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceAsyncStub

TOGETHER: Final = 250
"""Tokens in one question: its answer stays below the size of a message also if each user has a thousand projects."""
_AT_ONCE: Final = 4
"""Questions of those who come, at a time: so that they need not all wait for a replica of tasksvc that hangs."""
_LONGEST_TOKEN: Final = 4096
_TIMEOUT: Final = 3.0


class Accounts:
    """tasksvc's AccountService, through a channel that carries the service key."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: AccountServiceAsyncStub = AccountServiceStub(channel)
        self._introspections = JointReads(self.introspect_all, at_once=_AT_ONCE, most=TOGETHER)

    async def introspect(self, token: str) -> Principal:
        """Who the token speaks for at this moment. Raises what is wrong with it, or Unavailable.

        All who come while tasksvc is asked about others are asked about together.
        """
        if len(token) > _LONGEST_TOKEN:
            raise TokenInvalid("This is no token of Taskbell: it is too long.")  # and would spoil the others' question
        match await self._introspections.get(token):
            case Principal() as principal:
                return principal
            case ServiceError() as refusal:
                raise refusal
        raise Internal("tasksvc has left out a token.")

    async def introspect_all(self, tokens: Collection[str]) -> Mapping[str, Principal | ServiceError]:
        """Who each token speaks for at this moment, or what is wrong with it. Raises Unavailable."""
        try:
            answer = await self._stub.IntrospectTokens(IntrospectTokensRequest(tokens=tokens), timeout=_TIMEOUT)
        except ServiceError as error:
            if error.code is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            # A rolling upgrade: the tasksvc that was asked is the older one, which can't tell of many at once.
            found = await asyncio.gather(*map(self._introspect, tokens))
            return dict(zip(tokens, found, strict=True))
        return dict(zip(tokens, map(_outcome, answer.introspections), strict=True))

    async def _introspect(self, token: str) -> Principal | ServiceError:
        try:
            return await self._stub.IntrospectToken(IntrospectTokenRequest(token=token), timeout=_TIMEOUT)
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
