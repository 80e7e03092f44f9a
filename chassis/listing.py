"""Lists that are filtered (AIP-160), sorted (AIP-132) and read page after page (AIP-158), by one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message

from chassis import pages
from chassis.aip132 import Order, Sortable
from chassis.aip160 import Fields, parse
from chassis.aip160.sql import Parameters, condition


class ListRequest(Protocol):
    """What a request for a list has, besides whose list it is."""

    filter: str
    order_by: str
    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One kind of list."""

    fields: Fields
    """What it can be filtered by."""
    sortable: Sortable

    def ask(self, request: ListRequest, me: str, *before: Any) -> "Question":
        """What the request asks for, `me` being the caller.

        `before`: the parameters that stand before its own. Raises InvalidFilter, InvalidOrderBy or InvalidPageToken.
        """
        if not isinstance(request, Message):
            raise TypeError("a request is a message")
        order = self.sortable.order(request.order_by)
        parameters = Parameters(*before)
        where = condition(self.sortable.table, parse(request.filter, self.fields, me), parameters)
        if request.page_token:
            position = pages.decode(request.page_token, request, order.read)
            where = f"({where}) AND ({order.after(position, parameters)})"
        return Question(request, order, where, parameters.values, pages.page_size(request.page_size))


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks of a list."""

    request: Message
    order: Order
    where: str
    values: list[Any]
    """Of the statement's parameters, those before it included."""
    size: int

    def statement(self, sql: str) -> str:
        """The statement, which has places for `where`, `order` and `limit`; it finds one item more than asked."""
        return sql.format(where=self.where, order=self.order.sql, limit=self.size + 1)

    def next_page_token(self, found: Sequence[object], shown: int) -> str:
        """Where the list goes on, after the first so many of those that were found; nothing if it doesn't."""
        return pages.encode(self.order.position(found[shown - 1]), self.request) if shown < len(found) else ""
