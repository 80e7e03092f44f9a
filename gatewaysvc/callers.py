"""Whose credentials a call brings, as far as the gateway can tell without asking anybody.

An access token tells by itself: it is checked against tasksvc's public keys. An API token is its user's for a minute
after a service has let it in. What a service refuses is nobody's.
"""

import asyncio
import time
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc.aio
import structlog
from taskbell.accounts.v1.accounts_pb2 import GetJwksRequest
from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceStub

from chassis.access_tokens import Verifier, key_name, read_public_key
from chassis.api_tokens import PREFIX, read_api_token
from chassis.errors import ServiceError, TokenExpired, TokenInvalid

if TYPE_CHECKING:  # there only in the stubs
    from taskbell.accounts.v1.accounts_pb2_grpc import AccountServiceAsyncStub

_BELIEVED: Final = 60.0
"""Seconds for which what a service made of an API token holds."""
_REFUSED: Final = 900.0
"""Seconds for which a refused token is nobody's: by then an access token has expired."""
_MOST_KNOWN: Final = 10_000
_PAUSE: Final = 5.0
"""Seconds between two looks at the keys at least: anybody can make up a token with an unknown one."""
_SCHEME: Final = "bearer "
_log = structlog.get_logger()


class _Told(NamedTuple):
    user_id: str
    until: float


class Callers:
    """Knows tokens, and the keys that some of them are signed with."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._accounts: AccountServiceAsyncStub = AccountServiceStub(channel)
        self._verifier = Verifier({})
        self._keys_wanted = asyncio.Event()
        self._keys_wanted.set()
        self._told: dict[bytes, _Told] = {}

    def user_of(self, authorization: str) -> str:
        """The id of the user whose token this is; empty if that isn't known."""
        token = _bearer_token(authorization)
        if not token:
            return ""
        told = self._told.get(_hash(token))
        if told is not None and told.until > time.monotonic():
            return told.user_id
        if token.startswith(PREFIX):
            return ""
        try:
            return self._verifier.check(token).user_id
        except TokenExpired:
            return ""
        except TokenInvalid:
            self._want_key_of(token)
            return ""

    def let_in(self, authorization: str) -> None:
        """A service has taken these credentials."""
        token = _bearer_token(authorization)
        if token.startswith(PREFIX):
            self._note(token, str(read_api_token(token).user_id), _BELIEVED)

    def turned_away(self, authorization: str) -> None:
        """A service has refused these credentials."""
        if self.user_of(authorization):
            self._note(_bearer_token(authorization), "", _REFUSED)

    async def run(self, stopping: asyncio.Event) -> None:
        """Learns the keys, and again when a token is signed with one that isn't known."""
        async with asyncio.TaskGroup() as group:
            learning = group.create_task(self._keep_learning())
            await stopping.wait()
            learning.cancel()

    async def _keep_learning(self) -> None:
        while True:
            await self._keys_wanted.wait()
            await self._learn_keys()
            await asyncio.sleep(_PAUSE)

    async def _learn_keys(self) -> None:
        try:
            answer = await self._accounts.GetJwks(GetJwksRequest())
            keys = {each.kid: read_public_key(each.x) for each in answer.keys}
        except (ServiceError, ValueError) as error:
            # Until then all tokens are nobody's. That tasksvc is away, others tell louder.
            _log.debug("the public keys can't be read for now", reason=str(error))
            return
        self._keys_wanted.clear()
        if keys.keys() != self._verifier.keys.keys():
            self._verifier = Verifier(keys)

    def _want_key_of(self, token: str) -> None:
        with suppress(TokenInvalid):
            if key_name(token) not in self._verifier.keys:
                self._keys_wanted.set()

    def _note(self, token: str, user_id: str, seconds: float) -> None:
        if len(self._told) >= _MOST_KNOWN:
            del self._told[next(iter(self._told))]
        self._told[_hash(token)] = _Told(user_id, time.monotonic() + seconds)


def _bearer_token(authorization: str) -> str:
    return authorization[len(_SCHEME) :] if authorization[: len(_SCHEME)].lower() == _SCHEME else ""


def _hash(token: str) -> bytes:
    """Whoever reads this memory finds no tokens."""
    return blake2b(token.encode(), digest_size=16).digest()
