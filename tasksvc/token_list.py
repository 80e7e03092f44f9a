"""What API tokens can be filtered and sorted by."""

from typing import Final

from taskbell.accounts.v1.accounts_pb2 import Token

from chassis.aip132 import Key, Sortable
from chassis.aip160 import Fields
from chassis.listing import Listing

TOKENS: Final = Listing(
    Fields.of(Token.DESCRIPTOR, ["id", "name", "scopes", "create_time", "expire_time"], words="name"),
    Sortable(
        table="token",
        columns={"id": "uuid", "name": "text", "create_time": "timestamptz", "expire_time": "timestamptz"},
        nullable=frozenset({"expire_time"}),
        default=(Key("id", descending=True),),
    ),
)
