"""A queue's name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class QueueRef:
    """Which queue: its name means something in its project only."""

    project_id: str
    name: str
