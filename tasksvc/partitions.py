"""Which partition of the outbox an event belongs to: all events of one task or user go through one, in order."""

from typing import Final
from uuid import UUID

PARTITIONS: Final = 16


def partition_of(of: UUID | str) -> int:
    """The partition of a task (or user). The last bits of a UUIDv7 are random, and so spread evenly."""
    return (of if isinstance(of, UUID) else UUID(of)).int % PARTITIONS
