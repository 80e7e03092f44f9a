"""What queues can be filtered and sorted by."""

from typing import Final

from taskbell.queues.v1.queues_pb2 import Queue

from chassis.aip132 import Key, Sortable
from chassis.aip160 import Fields
from chassis.listing import Listing

QUEUES: Final = Listing(
    Fields.of(Queue.DESCRIPTOR, ["name", "max_concurrency", "create_time", "update_time", "pause_time"], words="name"),
    Sortable(
        table="queue",
        columns={"name": "text", **dict.fromkeys(("create_time", "update_time", "pause_time"), "timestamptz")},
        nullable=frozenset({"pause_time"}),
        default=(Key("name"),),
        last="name",
    ),
)
