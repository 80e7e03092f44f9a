"""Turns a bearer token into who it speaks for at this moment, or raises why it speaks for nobody."""

import hmac
import time

from chassis.api_tokens import PREFIX, read_api_token
from chassis.errors import SessionEnded, TokenExpired, TokenInvalid
from tasksvc.access import Authenticated
from tasksvc.access_tokens import AccessTokens
from tasksvc.memberships import Memberships


class Authentication:
    """Checks access tokens and API tokens: what they say by themselves, whether it still holds by the user's access."""

    def __init__(self, access_tokens: AccessTokens, memberships: Memberships) -> None:
        self._access_tokens = access_tokens
        self._memberships = memberships

    async def authenticate(self, token: str) -> Authenticated:
        """The caller. Raises TokenInvalid, TokenExpired or SessionEnded."""
        if token.startswith(PREFIX):
            return await self._by_api_token(token)
        return await self._by_session(token)

    async def _by_session(self, token: str) -> Authenticated:
        claims = self._access_tokens.check(token)
        access = await self._memberships.access(claims.user_id)
        if claims.session_id in access.ended_sessions:
            raise SessionEnded("The session has ended: log in again.")
        return Authenticated(
            claims.user_id, session_id=claims.session_id, access=access, expire_time=claims.expire_time
        )

    async def _by_api_token(self, text: str) -> Authenticated:
        token = read_api_token(text)
        access = await self._memberships.access(str(token.user_id))
        grant = access.grants.get(str(token.token_id))
        if grant is None or not hmac.compare_digest(grant.hash, token.hash):
            raise TokenInvalid("The API token was revoked, or never was one.")
        if grant.expire_time is not None and grant.expire_time <= time.time():
            raise TokenExpired("The API token has expired: make another one.")
        return Authenticated(
            access.user_id,
            token_id=str(token.token_id),
            scopes=grant.scopes,
            access=access,
            expire_time=grant.expire_time,
        )
