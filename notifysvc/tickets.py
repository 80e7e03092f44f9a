"""Tickets: each opens one stream, for clients that can't send a token along with it.

A ticket stands for the token that it was made with, which is what the stream then goes on with: what ends the token
ends the stream. Neither is kept. The database has a hash of the ticket, and the token encrypted with a key that is
made of the ticket: who reads the database can use neither.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from taskbell.notifications.v1.notifications_pb2 import Ticket

from chassis.errors import TicketInvalid
from chassis.postgres import Pool
from notifysvc.statements import SQL

LIFETIME: Final = 30.0
"""Seconds in which a ticket has to be used."""


class Tickets:
    """In PostgreSQL: a ticket of one replica is used on any."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def issue(self, token: str) -> Ticket:
        """A ticket for whoever has this token."""
        text = token_urlsafe(32)
        sealed = Fernet(_key(text)).encrypt(token.encode())
        ticket = Ticket(ticket=text)
        ticket.expire_time.FromDatetime(await self._pool.fetchval(SQL["add_ticket"], _hash(text), sealed, LIFETIME))
        return ticket

    async def use(self, text: str) -> str:
        """The token that the ticket stands for. Raises TicketInvalid, the second time too."""
        row = await self._pool.fetchrow(SQL["use_ticket"], _hash(text))
        if row is None or not row["holds"]:
            raise TicketInvalid("The ticket was used, is too old, or never was one: make another one.")
        try:
            return Fernet(_key(text)).decrypt(row["sealed"]).decode()
        except InvalidToken:
            raise TicketInvalid("The ticket can't be read: make another one.") from None


def _hash(text: str) -> bytes:
    """256 random bits need no slow hash."""
    return sha256(b"hash" + text.encode()).digest()


def _key(text: str) -> bytes:
    return urlsafe_b64encode(sha256(b"key" + text.encode()).digest())
