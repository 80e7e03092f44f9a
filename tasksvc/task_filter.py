"""What tasks can be filtered by, and how filters of them are said in SQL."""

from functools import partial
from typing import Final

from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.aip160 import Fields, Node
from chassis.aip160.sql import condition as condition_of
from chassis.aip160.sql import names

FIELDS: Final = Fields.of(
    Task.DESCRIPTOR,
    [
        *("status", "priority", "labels", "assignee_id", "creator_id", "project_id", "parent_id", "queue", "title"),
        *("description", "due_time", "schedule_time", "start_time", "end_time", "create_time", "update_time"),
        *("delete_time", "lease_expire_time", "version", "attempt", "worker", "id"),
    ],
    words="title",
    people=["assignee_id", "creator_id"],
    ordered=["priority"],
)

condition: Final = partial(condition_of, "task")


def names_project(node: Node) -> bool:
    """Whether the filter says anything of projects."""
    return names(node, FIELDS.by_name["project_id"])
