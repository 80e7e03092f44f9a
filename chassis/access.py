"""Who may call a method, as its `taskbell.access.v1.access` option says: read once a method, asked on every call."""

import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from google.protobuf.descriptor import MethodDescriptor
from taskbell.access.v1.access_pb2 import access

from chassis.caller import Call, Caller
from chassis.errors import CredentialsMissing, ScopeMissing, SessionRequired, TokenInvalid

Authenticate: TypeAlias = Callable[[str], Awaitable[Caller]]
"""Turns a bearer token into who it speaks for, or raises TokenInvalid, TokenExpired, SessionEnded."""
Admission: TypeAlias = Callable[[Call], Awaitable[None]]
"""Notes in the call who makes it, or raises why it is refused."""


class AccessNotDeclared(Exception):
    """A method doesn't say who may call it, so it can't be served."""


class Gate:
    """Lets calls in by a user's token or by the services' key."""

    def __init__(self, authenticate: Authenticate, service_key: str) -> None:
        self._authenticate = authenticate
        self._service_key = service_key.encode()

    def admission(self, method: MethodDescriptor) -> Admission | None:
        """The check for this method; None lets everybody in, as far as the method does."""
        rule = method.GetOptions().Extensions[access]
        match rule.WhichOneof("kind"):
            case "anonymous" if rule.anonymous:
                return None
            case "stream" if rule.stream:
                return None  # the method asks for itself
            case "scope" if rule.scope:
                return partial(self._admit_scope, rule.scope)
            case "session" if rule.session:
                return self._admit_session
            case "service" if rule.service:
                return self._admit_service
        raise AccessNotDeclared(f"{method.full_name} has no (taskbell.access.v1.access) option: say who may call it.")

    async def _admit_scope(self, scope: str, call: Call) -> None:
        caller = await self._authenticate(_bearer_token(call.authorization))
        if caller.scopes is not None and scope not in caller.scopes:
            raise ScopeMissing(
                f"This call needs the scope {scope!r}; the token has {', '.join(sorted(caller.scopes)) or 'none'}.",
                metadata={"scope": scope},
            )
        call.caller = caller

    async def _admit_session(self, call: Call) -> None:
        caller = await self._authenticate(_bearer_token(call.authorization))
        if not caller.session_id:
            raise SessionRequired("Only a signed-in user may do this, not an API token.")
        call.caller = caller

    async def _admit_service(self, call: Call) -> None:
        scheme, _, key = call.authorization.partition(" ")
        if scheme.lower() != "service":
            raise CredentialsMissing("This call is for Taskbell's own services: `authorization: Service <key>`.")
        if not hmac.compare_digest(key.encode(), self._service_key):
            raise TokenInvalid("The service key is wrong.")
        call.caller = Caller(user_id="", service=True)


def _bearer_token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise CredentialsMissing("This call needs a signed-in user: send `authorization: Bearer <token>`.")
    return token
