"""The mail server: how it is reached, and a connection to it that is kept while there are mails to hand over.

What goes wrong is told in three kinds, since what to do then differs: a mail that is refused for good, one that may be
taken later, and a server that takes none just now.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import aiosmtplib

from chassis.foreign_text import storable
from chassis.tracing import Attributes

SENDING: Final = 25.0
"""Seconds that one mail may take."""
_STEP: Final = 10.0
"""Seconds that the server may take for one answer."""
_IDLE: Final = 5.0
"""Seconds after which a connection that nobody needs is closed."""
_FRESH: Final = 1.0
"""Seconds after which the server is asked whether it is still there before it is given a mail."""
_GOODBYE: Final = 2.0
_PERMANENT: Final = 500
_LEAVING: Final = 421
_LONGEST_REPLY: Final = 500

Encryption: TypeAlias = Literal["auto", "none", "starttls", "tls"]


class NotTaken(Exception):
    """The mail was not taken. The text is what the server said, or what came in between."""

    in_doubt = False
    """Whether it may have been taken nevertheless: the answer to its last line did not come."""
    begun = False
    """Whether the server was ready for a mail."""


class Refused(NotTaken):
    """The server won't ever take it."""


class NotNow(NotTaken):
    """The server may take it later."""


class ServerAway(NotTaken):
    """The server takes no mail at all just now: it can't be reached, is about to leave, or doesn't let us in."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed over."""

    host: str
    port: int
    encryption: Encryption = "auto"
    """`starttls` and `tls` (from the first byte on) are insisted on; `auto` is STARTTLS if the server offers it."""
    authority: Path | None = None
    """Who may have signed the server's certificate. Without it, the public authorities."""
    username: str = ""
    password: str = ""

    def connection(self) -> aiosmtplib.SMTP:
        """One that isn't open yet. Its certificates are read now: they may have been renewed."""
        context = ssl.create_default_context(cafile=self.authority) if self.authority else None  # else made when needed
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.username or None,
            password=self.password or None,
            timeout=_STEP,
            use_tls=self.encryption == "tls",
            start_tls={"auto": None, "starttls": True}.get(self.encryption, False),
            tls_context=context,
        )

    @property
    def attributes(self) -> Attributes:
        """What a trace tells of it."""
        return {"server.address": self.host, "server.port": self.port}


class SmtpLink:
    """Hands mails over, one after the other."""

    def __init__(self, server: SmtpServer, sender: str) -> None:
        self.server = server
        self._sender = sender
        self._connection: aiosmtplib.SMTP | None = None
        self._used = 0.0
        self._at_data = False

    async def send(self, recipient: str, message: bytes, before_data: Callable[[], Awaitable[None]]) -> str:
        """Returns the server's answer to the last line. Raises Refused, NotNow, ServerAway.

        `before_data` is called when the server has taken the recipient and waits for the text. It may raise.
        """
        self._at_data = False
        if not (recipient.isascii() and recipient.isprintable()):
            raise Refused(f"the address {recipient!r} can't be sent to")
        try:
            async with asyncio.timeout(SENDING):
                known = self._connection
                try:
                    return await self._hand_over(await self._open(), recipient, message, before_data)
                except ServerAway as error:
                    if known is None or error.begun:
                        raise
                # Servers close connections that have been there for a while, or have brought many mails.
                return await self._hand_over(await self._open(), recipient, message, before_data)
        except TimeoutError as error:
            self._drop()
            told = ServerAway("the server takes too long")
            told.in_doubt = self._at_data
            raise told from error
        finally:
            self._used = time.monotonic()

    async def rest(self) -> None:
        """There is nothing to send just now: lets go of a connection that has not been needed for a while."""
        if self._connection is not None and time.monotonic() - self._used > _IDLE:
            await self.close()

    async def close(self) -> None:
        """Takes leave of the server."""
        if self._connection is not None:
            with suppress(aiosmtplib.SMTPException, OSError):
                async with asyncio.timeout(_GOODBYE):
                    await self._connection.quit()
        self._drop()

    async def _open(self) -> aiosmtplib.SMTP:
        if self._connection is not None:
            if time.monotonic() - self._used < _FRESH or await _is_there(self._connection):
                return self._connection
            self._drop()
        try:
            connection = self._connection = self.server.connection()
            await connection.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            self._drop()
            raise ServerAway(_told(error)) from error
        return connection

    async def _hand_over(
        self, connection: aiosmtplib.SMTP, recipient: str, message: bytes, before_data: Callable[[], Awaitable[None]]
    ) -> str:
        begun = False
        try:
            await connection.mail(self._sender)
            begun = True
            await connection.rcpt(recipient)
            await before_data()
            self._at_data = True
            answer = await connection.data(message)
        except (aiosmtplib.SMTPException, OSError) as error:
            told = _kind(error)(_told(error))
            told.begun, told.in_doubt = begun, self._at_data and not isinstance(error, aiosmtplib.SMTPResponseException)
            await self._recover(connection, error)
            raise told from error
        except Exception:
            self._drop()  # it waits for a text that doesn't come
            raise
        return f"{answer.code} {_one_line(answer.message)}"

    async def _recover(self, connection: aiosmtplib.SMTP, error: Exception) -> None:
        """The connection is ready for the next mail, or is none any more."""
        if isinstance(error, aiosmtplib.SMTPResponseException) and error.code != _LEAVING:
            with suppress(aiosmtplib.SMTPException, OSError):
                await connection.rset()
                return
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def _is_there(connection: aiosmtplib.SMTP) -> bool:
    try:
        await connection.noop()
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


def _kind(error: Exception) -> type[NotTaken]:
    match error:
        case aiosmtplib.SMTPResponseException(code=code) if code == _LEAVING:
            return ServerAway
        case aiosmtplib.SMTPRecipientRefused(code=code) | aiosmtplib.SMTPDataError(code=code):
            return Refused if code >= _PERMANENT else NotNow
        case aiosmtplib.SMTPNotSupported():
            return Refused  # a text that this server can't carry
    return ServerAway  # the sender is refused, which concerns all mails; or the connection broke


def _told(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {_one_line(error.message)}"
    return _one_line(str(error)) or type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(storable(text).split())[:_LONGEST_REPLY]
