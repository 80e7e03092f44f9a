"""Accounts over gRPC."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import grpc
from google.protobuf.empty_pb2 import Empty
from taskbell.accounts.v1 import accounts_pb2 as pb
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceServicer
from uuid_utils.compat import uuid7

from chassis.api_tokens import new_api_token
from chassis.caller import caller
from chassis.client import Clients
from chassis.errors import InvalidField, LoginFailed, RateLimited, ServiceError, TokenNotFound, UserNotFound
from chassis.etag import check_etag
from chassis.interceptors import Context
from chassis.postgres import Executor
from chassis.replays import Replays
from tasksvc.access import Role
from tasksvc.access_tokens import AccessTokens
from tasksvc.account_store import AccountStore, token_etag
from tasksvc.account_to_pb import token_to_pb, user_seen_by_others_to_pb, user_to_pb
from tasksvc.attempts import Attempts
from tasksvc.authentication import Authentication
from tasksvc.links import PAUSE, LinkStore, Purpose
from tasksvc.memberships import Memberships
from tasksvc.outbox_bell import OutboxBell
from tasksvc.partitions import partition_of
from tasksvc.passwords import Passwords
from tasksvc.session_store import SessionStore, Started
from tasksvc.token_list import TOKENS

_SELF: Final = "me"
_QUIET: Final = 0.25
"""Seconds that a request for a new password takes, whether or not anybody has the address."""


class AccountServicer(AccountServiceServicer):
    """Users, their sessions and their API tokens."""

    def __init__(
        self,
        accounts: AccountStore,
        sessions: SessionStore,
        links: LinkStore,
        *,
        attempts: Attempts,
        passwords: Passwords,
        access_tokens: AccessTokens,
        authentication: Authentication,
        memberships: Memberships,
        replays: Replays,
        bell: OutboxBell,
        clients: Clients,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._links = links
        self._attempts = attempts
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._authentication = authentication
        self._memberships = memberships
        self._replays = replays
        self._bell = bell
        self._clients = clients

    async def RegisterUser(self, request: pb.RegisterUserRequest, _context: Context) -> pb.User:
        # Before the transaction: a slow hash must not hold a connection.
        password_hash = await self._passwords.hash(request.password)

        async def respond(executor: Executor) -> pb.User:
            user = await self._accounts.register(executor, request.username, request.email, password_hash)
            return user_to_pb(user)

        answer = await self._replays.once("RegisterUser", request, respond)
        self._bell.ring([partition_of(answer.id)])
        return answer

    async def GetUser(self, request: pb.GetUserRequest, _context: Context) -> pb.User:
        viewer_id = UUID(caller().user_id)
        user_id = viewer_id if request.user_id == _SELF else UUID(request.user_id)
        if user_id == viewer_id:
            user = await self._accounts.get(user_id)
            if user is not None:
                return user_to_pb(user)
        else:
            user = await self._accounts.get_seen_by(user_id, viewer_id)
            if user is not None:
                return user_seen_by_others_to_pb(user)
        raise UserNotFound(f"There is no user {request.user_id} who shares a project with you.")

    async def BatchGetUsers(self, request: pb.BatchGetUsersRequest, _context: Context) -> pb.BatchGetUsersResponse:
        users = await self._accounts.batch_get({UUID(user_id) for user_id in request.user_ids})
        return pb.BatchGetUsersResponse(users=map(user_to_pb, users))

    async def SendConfirmation(self, _request: pb.SendConfirmationRequest, _context: Context) -> Empty:
        user = await self._accounts.get(UUID(caller().user_id))
        if user is None or user.email_confirm_time is not None:
            return Empty()
        if not await self._links.request(user.id, Purpose.CONFIRM_EMAIL, actor_id=user.id):
            raise RateLimited(f"A mail went out less than {PAUSE:g} seconds ago: look for it.", retry_after=PAUSE)
        self._bell.ring([partition_of(user.id)])
        return Empty()

    async def ConfirmEmail(self, request: pb.ConfirmEmailRequest, _context: Context) -> Empty:
        await self._links.confirm_email(request.token)
        return Empty()

    async def RequestPasswordReset(self, request: pb.RequestPasswordResetRequest, _context: Context) -> Empty:
        await self._attempts.mail(request.email)
        answer_at = time.monotonic() + _QUIET
        user = await self._accounts.find_login(request.email)
        if user is not None and await self._links.request(user.id, Purpose.RESET_PASSWORD, actor_id=None):
            self._bell.ring([partition_of(user.id)])
        await asyncio.sleep(answer_at - time.monotonic())
        return Empty()

    async def ResetPassword(self, request: pb.ResetPasswordRequest, _context: Context) -> pb.ResetPasswordResponse:
        await self._links.check(request.token, Purpose.RESET_PASSWORD)  # nobody hashes a password for nothing
        password_hash = await self._passwords.hash(request.password)
        user_id, ended = await self._links.reset_password(request.token, password_hash)
        self._bell.ring([partition_of(user_id)])
        await self._memberships.changed([str(user_id)])
        return pb.ResetPasswordResponse(ended_sessions=ended)

    async def IssueLink(self, request: pb.IssueLinkRequest, _context: Context) -> pb.Link:
        link = await self._links.issue(UUID(request.event_id))
        answer = pb.Link(token=link.token)
        answer.expire_time.FromDatetime(link.expire_time)
        return answer

    async def LogIn(self, request: pb.LogInRequest, context: Context) -> pb.Session:
        client = self._clients.of(context.invocation_metadata(), context.peer())
        async with self._attempts.log_in(request.username, client.address):
            user = await self._accounts.find_login(request.username)
            matches = await self._passwords.check(request.password, user.password_hash if user else None)
            if user is None or not matches:
                raise LoginFailed("The username or the password is wrong.")
            started = await self._sessions.start(user, client)
        if self._passwords.is_outdated(user.password_hash):
            await self._accounts.replace_password_hash(user, await self._passwords.hash(request.password))
        return self._session(started)

    async def RefreshSession(self, request: pb.RefreshSessionRequest, _context: Context) -> pb.Session:
        return self._session(await self._sessions.refresh(request.refresh_token))

    async def LogOut(self, _request: pb.LogOutRequest, _context: Context) -> Empty:
        user_id = UUID(caller().user_id)
        await self._sessions.end(UUID(caller().session_id), user_id, actor_id=user_id)
        return Empty()

    async def CreateToken(self, request: pb.CreateTokenRequest, _context: Context) -> pb.Token:
        asked = request.token
        expire_time = asked.expire_time.ToDatetime(UTC) if asked.HasField("expire_time") else None
        if expire_time is not None and expire_time <= datetime.now(UTC):
            raise InvalidField.named("token.expire_time", expire_time.isoformat(), "must be in the future")
        token = new_api_token(UUID(caller().user_id), uuid7())
        made = await self._accounts.create_token(token, asked.name, asked.scopes, expire_time)
        await self._memberships.changed([caller().user_id])
        answer = token_to_pb(made)
        answer.secret = str(token)
        return answer

    async def ListTokens(self, request: pb.ListTokensRequest, _context: Context) -> pb.ListTokensResponse:
        user_id = caller().user_id
        asked = TOKENS.ask(request, user_id, UUID(user_id))
        found = await self._accounts.list_tokens(asked)
        tokens = [token_to_pb(token) for token in found[: asked.size]]
        return pb.ListTokensResponse(tokens=tokens, next_page_token=asked.next_page_token(found, len(tokens)))

    async def DeleteToken(self, request: pb.DeleteTokenRequest, _context: Context) -> Empty:
        user_id = UUID(caller().user_id)
        check_etag(request.etag, token_etag(UUID(request.id)))
        if not await self._accounts.revoke_token(UUID(request.id), user_id):
            raise TokenNotFound(f"You have no API token {request.id}.")
        self._bell.ring([partition_of(user_id)])
        await self._memberships.changed([caller().user_id])
        return Empty()

    async def GetJwks(self, _request: pb.GetJwksRequest, _context: Context) -> pb.Jwks:
        return pb.Jwks(
            keys=[
                pb.Jwk(kty="OKP", crv="Ed25519", x=key.x, kid=key.kid, alg="EdDSA", use="sig")
                for key in self._access_tokens.keys
            ]
        )

    async def IntrospectToken(self, request: pb.IntrospectTokenRequest, _context: Context) -> pb.Principal:
        return await self._principal(request.token)

    async def IntrospectTokens(
        self, request: pb.IntrospectTokensRequest, _context: Context
    ) -> pb.IntrospectTokensResponse:
        # All at once: their looks at the cache go out in one write, and what isn't there is read by one statement.
        found = await asyncio.gather(*map(self._introspect, request.tokens))
        return pb.IntrospectTokensResponse(introspections=found)

    async def _introspect(self, token: str) -> pb.Introspection:
        try:
            return pb.Introspection(principal=await self._principal(token))
        except ServiceError as error:
            if error.code is not grpc.StatusCode.UNAUTHENTICATED:
                raise  # of no token's: the others' answers would fail as well
            return pb.Introspection(refusal=pb.Refusal(reason=error.reason, message=error.message))

    async def _principal(self, token: str) -> pb.Principal:
        found = await self._authentication.authenticate(token)
        roles = found.access.roles if found.access else {}
        principal = pb.Principal(
            user_id=found.user_id,
            session_id=found.session_id,
            token_id=found.token_id,
            scopes=sorted(found.scopes or ()),
            project_ids=sorted(roles),
            owned_project_ids=sorted(project for project, role in roles.items() if role is Role.OWNER),
        )
        if found.expire_time is not None:
            principal.expire_time.FromMilliseconds(int(found.expire_time * 1000))
        return principal

    def _session(self, started: Started) -> pb.Session:
        return pb.Session(
            access_token=self._access_tokens.sign(started.user.id, started.session_id),
            refresh_token=started.refresh_token,
            expires_in=int(self._access_tokens.lifetime),
            user=user_to_pb(started.user),
        )
