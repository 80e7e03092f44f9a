"""What a person gives for a task's fields on the command line, and the values that are meant."""

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import sdk

if TYPE_CHECKING:
    from cli.client import Client


class Priority(StrEnum):
    """How urgent a task is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Status(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Clearable(StrEnum):
    """What can be emptied."""

    DESCRIPTION = "description"
    PRIORITY = "priority"
    LABELS = "labels"
    ASSIGNEE = "assignee"
    DUE = "due"
    SCHEDULE = "schedule"
    BLOCKED_BY = "blocked-by"
    RECURRENCE = "recurrence"


_FIELDS: Final[Mapping[Clearable, str]] = {
    Clearable.ASSIGNEE: "assignee_id",
    Clearable.DUE: "due_time",
    Clearable.SCHEDULE: "schedule_time",
    Clearable.BLOCKED_BY: "blocked_by",
}

Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, or the last 6 or more characters of it.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Their ids, or the last 6 or more characters of them.")]
Filter = Annotated[
    str,
    typer.Option(
        "--filter", "-f", help="An AIP-160 filter, such as 'priority >= HIGH AND labels:home'.", show_default=False
    ),
]
Description = Annotated[
    str | None, typer.Option("--description", "-d", help="Markdown; - reads it from standard input.")
]
PriorityOption = Annotated[
    Priority | None, typer.Option("--priority", "-p", case_sensitive=False, help="How urgent it is.")
]
Labels = Annotated[list[str] | None, typer.Option("--label", "-l", help="May be repeated.")]
Assignee = Annotated[str | None, typer.Option("--assignee", "-a", help="Who is to do it: a username, or me.")]
Due = Annotated[
    str | None, typer.Option("--due", help="When it should be done: tomorrow, 'fri 17:00', 2h, 2026-12-01.")
]


async def new_values(
    client: "Client",
    project: str,
    *,
    description: str | None,
    priority: Priority | None,
    labels: Sequence[str] | None,
    assignee: str | None,
    due: str | None,
) -> dict[str, Any]:
    """The fields of a task that were given, by their names in the proto."""
    new: dict[str, Any] = {}
    if description is not None:
        new["description"] = sys.stdin.read() if description == "-" else description
    if priority is not None:
        new["priority"] = sdk.tasks.TaskPriority[priority.name]
    if labels:
        new["labels"] = [*labels]
    if due is not None:
        from cli.dates import parse_time

        new["due_time"] = parse_time(due)
    if assignee is not None:
        from cli.names import user_id

        new["assignee_id"] = await user_id(client, assignee, project)
    return new


def cleared(fields: Sequence[Clearable]) -> list[str]:
    """The names of these fields in the proto."""
    return [_FIELDS.get(field, field.value) for field in fields]


def status_filter(filter_: str, statuses: Sequence[Status]) -> str:
    """The filter, narrowed to these statuses."""
    if not statuses:
        return filter_
    wanted = "(" + " OR ".join(f"status = {status.name}" for status in statuses) + ")"
    return f"({filter_}) AND {wanted}" if filter_.strip() else wanted
