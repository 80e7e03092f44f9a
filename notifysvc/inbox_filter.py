"""Which notifications a person asks for, as SQL."""

from dataclasses import dataclass
from typing import Any, Final, Self

from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.aip160 import Fields, parse
from chassis.aip160.sql import Parameters, condition, names

FIELDS: Final = Fields.of(
    Notification.DESCRIPTOR,
    ["state", "reason", "create_time", "type", "actor_id", "project_id", "task_id", "title"],
    words="title",
    people=["actor_id"],
    within=[Event.DESCRIPTOR, Task.DESCRIPTOR],
)


@dataclass(frozen=True, slots=True)
class Selection:
    """A condition on rows of `notifications`."""

    where: str
    values: list[Any]
    """Of the statement's parameters, those before it included."""

    @classmethod
    def of(cls, filter_: str, user_id: str, *before: Any, state: int = 0) -> Self:
        """What matches the filter and is in this state; the archive is left out unless either names a state.

        `before`: the parameters that stand before its own. Raises InvalidFilter.
        """
        node, parameters = parse(filter_, FIELDS, user_id), Parameters(*before)
        matching = condition("notifications", node, parameters)
        if state:
            # Written out, so that the planner sees which of the indices has it.
            return cls(f"state = {int(state)} AND ({matching})", parameters.values)
        if names(node, FIELDS.by_name["state"]):
            return cls(matching, parameters.values)
        return cls(f"state <> {Notification.ARCHIVED} AND ({matching})", parameters.values)
