"""What tasks can be sorted by."""

from typing import Final

from chassis.aip132 import Key, Sortable

_ABSENT: Final = (
    *("due_time", "schedule_time", "start_time", "end_time", "delete_time", "lease_expire_time"),
    *("assignee_id", "parent_id"),
)

SORTABLE: Final = Sortable(
    table="task",
    columns={
        "priority": "smallint",
        "status": "smallint",
        "title": "text",
        "queue": "text",
        "version": "integer",
        "attempt": "integer",
        **dict.fromkeys(("create_time", "update_time", "due_time", "schedule_time", "start_time"), "timestamptz"),
        **dict.fromkeys(("end_time", "delete_time", "lease_expire_time"), "timestamptz"),
        **dict.fromkeys(("id", "project_id", "assignee_id", "creator_id", "parent_id"), "uuid"),
    },
    nullable=frozenset(_ABSENT),
    default=(Key("create_time", descending=True), Key("id", descending=True)),
)
