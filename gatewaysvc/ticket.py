"""A ticket in a stream's URL (`?ticket=`), for clients that can't send headers: `POST /v1/events:ticket` makes one.

It may stand in logs on the way: it works once, and by then it has.
"""

import re
from typing import Final
from urllib.parse import unquote

from chassis.errors import InvalidField, TicketInvalid
from gatewaysvc.exchange import Exchange

_NAME: Final = "ticket"
_TICKET: Final = re.compile(r"[\w-]{1,128}", re.ASCII)


def take_ticket(exchange: Exchange) -> str:
    """The query without its ticket, which goes along as the caller's credentials."""
    parts = exchange.request.rel_url.raw_query_string.split("&")
    tickets = [value for name, _, value in (part.partition("=") for part in parts) if name == _NAME]
    if not tickets:
        return "&".join(parts)
    if len(tickets) > 1:
        raise InvalidField.named(_NAME, "(hidden)", "is given more than once")
    if exchange.call.authorization:
        raise InvalidField.named(_NAME, "(hidden)", "can't go together with the header Authorization")
    ticket = unquote(tickets[0])
    if not _TICKET.fullmatch(ticket):
        raise TicketInvalid("The ticket is none of ours.")
    exchange.call.authorization = f"Ticket {ticket}"
    return "&".join(part for part in parts if part.partition("=")[0] != _NAME)
