"""What a subscription asks for: everything, or what a project, the inbox and a filter leave of it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from taskbell.notifications.v1.notifications_pb2 import Subscribe, WatchRequest
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis import aip160
from chassis.jetstream import SUBJECTS
from notifysvc.event_log import Entry

FIELDS: Final = aip160.Fields.of(
    Task.DESCRIPTOR,
    (
        "id",
        "project_id",
        "title",
        "description",
        "status",
        "priority",
        "labels",
        "creator_id",
        "assignee_id",
        "due_time",
        "schedule_time",
        "start_time",
        "end_time",
        "create_time",
        "update_time",
        "delete_time",
        "lease_expire_time",
        "parent_id",
        "queue",
        "version",
        "attempt",
        "worker",
    ),
    words="title",
    people=("creator_id", "assignee_id"),
    ordered=("priority",),
)
"""What a filter may name, as in ListTasks."""

MOST_SUBJECTS: Final = 32
"""A reader of more projects than this reads everybody's events and drops what isn't its own."""


@dataclass(frozen=True, slots=True)
class Interest:
    """Each part narrows."""

    project: str = ""
    inbox: bool = False
    filter: aip160.Node | None = None

    @classmethod
    def of(cls, request: Subscribe | WatchRequest, user_id: str) -> Self:
        """Reads what a user asks for. Raises InvalidFilter."""
        node = aip160.parse(request.filter, FIELDS, user_id) if request.filter else None
        return cls(request.project, request.inbox, node)

    def means(self, entry: Entry, user_id: str) -> bool:
        """Whether the event is one of those, if the user may see it."""
        event = entry.event
        if self.project and event.project_id != self.project:
            return False
        if self.inbox and user_id not in entry.concerned:
            return False
        return self.filter is None or (event.HasField("task") and aip160.matches(self.filter, event.task))

    def subjects(self, user_id: str, projects: Collection[str]) -> list[str]:
        """The stream's subjects that hold all of it, and little else."""
        if self.project:
            subjects = [f"taskbell.events.task.{self.project}.>"]
            return subjects if self._tasks_only else [*subjects, f"taskbell.events.member.{self.project}.>"]
        if len(projects) > MOST_SUBJECTS:
            return [SUBJECTS]
        subjects = [f"taskbell.events.task.{project}.>" for project in sorted(projects)]
        if self._tasks_only:
            return subjects or ["taskbell.events.task.none.>"]
        return [*subjects, "taskbell.events.member.>", f"taskbell.events.credential.{user_id}.>"]

    @property
    def _tasks_only(self) -> bool:
        return self.inbox or self.filter is not None
