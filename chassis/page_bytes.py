"""How large a page may become: many tasks with large payloads are fewer than were asked for (AIP-158)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Self, TypeVar

from google.protobuf.message import Message

MOST_BYTES: Final = 3 * 1024 * 1024
"""gRPC's clients take messages of 4 MiB unless they are told otherwise."""

T = TypeVar("T")
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Portion(Generic[T]):
    """What a statement found of a list, already cut to some size."""

    items: Sequence[T]
    more: bool
    """Whether the list goes on after it."""

    @classmethod
    def of(cls, items: Sequence[T], rows: Sequence[Any], size: int) -> Self:
        """Of the items that these rows tell, one row more was asked for than `size`."""
        kept = items[:size]
        return cls(kept, bool(rows) and rows[0]["found"] > len(kept))


def fitting(items: Sequence[M]) -> Sequence[M]:
    """The first of the items that fit in one answer together; one at least, so that pages go on."""
    size = 0
    for number, item in enumerate(items):
        size += item.ByteSize()
        if size > MOST_BYTES and number:
            return items[:number]
    return items
