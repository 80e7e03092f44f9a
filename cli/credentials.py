"""What a client shows to the servers: nothing, an API token, or a session that renews itself."""

import time
from typing import TYPE_CHECKING, Protocol

from grpc import StatusCode

from chassis.errors import ServiceError
from cli import sdk
from cli.config_file import ConfigFile, Session

if TYPE_CHECKING:
    from cli.api.taskbell.accounts.v1 import AccountServiceStub


class Credentials(Protocol):
    """Where a client takes its token from."""

    async def token(self, accounts: "AccountServiceStub") -> str:
        """The token for the next call; empty to call as nobody."""

    async def instead_of(self, refused: str, accounts: "AccountServiceStub") -> str:
        """Another token after `refused` was; empty if there is none."""


class FixedToken:
    """A token that somebody else looks after: an API token, or none at all."""

    def __init__(self, token: str = "") -> None:
        self._token = token

    async def token(self, accounts: "AccountServiceStub") -> str:
        """The token, whatever became of it."""
        del accounts
        return self._token

    async def instead_of(self, refused: str, accounts: "AccountServiceStub") -> str:
        """There is no other."""
        del refused, accounts
        return ""


class StoredSession:
    """The session in the configuration file, which several commands may use at the same time.

    A refresh token works once, and using it twice ends the session: so they take turns at the file, and who comes
    second finds the new tokens there.
    """

    def __init__(self, file: ConfigFile, context: str) -> None:
        self._file = file
        self._context = context

    async def token(self, accounts: "AccountServiceStub") -> str:
        """The access token, renewed if it is about to end."""
        session = self._file.read().context(self._context).session
        if session is None or session.is_fresh():
            return session.access_token if session else ""
        return await self.instead_of(session.access_token, accounts)

    async def instead_of(self, refused: str, accounts: "AccountServiceStub") -> str:
        """A new access token, unless another command has fetched one already. A session that has ended is forgotten."""
        ended: ServiceError | None = None
        async with self._file.change() as config:
            context = config.context(self._context)
            session = context.session
            if session is None or session.access_token != refused:
                return session.access_token if session else ""
            try:
                answer = await accounts.refresh_session(
                    sdk.accounts.RefreshSessionRequest(refresh_token=session.refresh_token)
                )
            except ServiceError as error:
                if error.code is not StatusCode.UNAUTHENTICATED:
                    raise
                context.session, ended = None, error
            else:
                context.session = session_of(answer)
                return answer.access_token
        raise ended


def session_of(answer: "sdk.accounts.Session") -> Session:
    """A server's answer as it is kept."""
    return Session(
        username=answer.user.username if answer.user else "",
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        expires=time.time() + answer.expires_in,
    )
