"""What events leave behind beside notifications, in the same transaction: all of it, or nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from taskbell.events.v1.events_pb2 import Event

from chassis.postgres import Executor


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that came, with its place in the stream."""

    sequence: int
    event: Event
    traceparent: str = ""
    """Of what published it."""


Work: TypeAlias = Callable[[Executor], Awaitable[object]]
"""Writes an effect. Does nothing for an event that had it already."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One kind of it."""

    of: Callable[[Sequence[Arrival]], Awaitable[Work | None]]
    """What the events have to leave; None if they leave nothing."""
    nudge: Callable[[], None]
    """Tells who goes on with it that it is written."""
