"""What a subscription asks for: everything, or what a project, the inbox and a filter leave of it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Subscribe, WatchRequest
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis import aip160
from chassis.jetstream import SUBJECTS
from notifysvc.entry import Entry
from notifysvc.mutes import Muted

if TYPE_CHECKING:
    from notifysvc.entry import Transition  # for types only

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

_NOTHING_MUTED: Final = Muted()

MOST_SUBJECTS: Final = 32
"""A reader of more projects than this reads everybody's events and drops what isn't its own."""


@dataclass(frozen=True, slots=True)
class Interest:
    """Each part narrows."""

    project: str = ""
    inbox: bool = False
    filter: aip160.Node | None = None
    deleted: bool = False
    """Whether the filter itself says which deleted tasks it means; else, as in a list, it means none."""
    muted: Muted = field(default=_NOTHING_MUTED, compare=False)
    """What the inbox doesn't hold, as its owner wants it. Tells no interests apart: an inbox's is shared by nobody."""

    @classmethod
    def of(cls, request: Subscribe | WatchRequest, user_id: str, muted: Muted | None = None) -> Self:
        """Reads what a user asks for. Raises InvalidFilter."""
        node = aip160.parse(request.filter, FIELDS, user_id) if request.filter else None
        deleted = "delete_time" in request.filter or "deleteTime" in request.filter
        return cls(request.project, request.inbox, node, deleted, muted or _NOTHING_MUTED)

    @property
    def shared(self) -> bool:
        """Whether the same is wanted by whoever asks for it."""
        return bool(self.project) and not self.inbox

    def means(self, entry: Entry, user_id: str, projects: Collection[str]) -> "Transition | None":
        """What the event means to a user who sees these projects; None if it isn't one of those that are wanted."""
        event = entry.event
        if self.project and event.project_id != self.project:
            return None
        if self.inbox:
            why = entry.concerned.get(user_id)
            wanted = why is not None and why not in self.muted.reasons and self._matches(event.task)
            return Event.TRANSITION_UNSPECIFIED if wanted else None
        if event.type == "task.left":
            # To whoever asked for no project and sees where it went, it hasn't left.
            left = (self.project or entry.destination not in projects) and self._has(event.task)
            return Event.LEAVE if left else None
        return self._transition(entry, projects) or (None if self.filter else Event.TRANSITION_UNSPECIFIED)

    def _transition(self, entry: Entry, projects: Collection[str]) -> "Transition | None":
        """What it means for the set of tasks; None if it is about none of them."""
        if not entry.event.HasField("task"):
            return None
        before = entry.before
        match before is not None and self._held(before, projects), self._has(entry.event.task):
            case False, True:
                return Event.ENTER
            case True, True:
                return Event.CHANGE
            case True, False:
                return Event.LEAVE
        return None

    def _held(self, before: Task, projects: Collection[str]) -> bool:
        """Whether a task was one of those that are meant."""
        home = before.project_id
        return (home == self.project if self.project else home in projects) and self._has(before)

    def _has(self, task: Task) -> bool:
        """Whether a task, wherever it is, is one of those that are meant."""
        return (self.deleted or not task.HasField("delete_time")) and self._matches(task)

    def _matches(self, task: Task) -> bool:
        return self.filter is None or aip160.matches(self.filter, task)

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
