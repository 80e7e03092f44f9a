"""Tasks that may be what kills their workers: they would kill one after the other if no attempt counted."""

from typing import Final

FREE: Final = 3
"""How often a task comes back as if nothing had happened."""
_REMEMBERED: Final = 65536


class CutOffs:
    """How often the stream of a worker was cut off that had a task, as this replica knows."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def count(self, task_id: str) -> bool:
        """Once more. Whether it was so often that this attempt counts as a failed one."""
        times = self._times.pop(task_id, 0) + 1
        if len(self._times) >= _REMEMBERED:
            del self._times[next(iter(self._times))]  # the one that was cut off longest ago
        self._times[task_id] = times
        return times > FREE
