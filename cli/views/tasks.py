"""Tasks, and what is told of them."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from cli.json_shape import to_plain
from cli.names import short
from cli.people import People
from cli.sdk import google, tasks
from cli.views.text import clock, fields, length, listing, one_line, safe

_STATUS_STYLES: Final = {
    "IN_PROGRESS": "cyan",
    "COMPLETED": "green",
    "FAILED": "bold red",
    "CANCELLED": "dim",
}
_PRIORITY_STYLES: Final = {"LOW": "dim", "HIGH": "yellow", "URGENT": "bold red"}


class TaskView:
    """Tasks; the usernames must have been learned before."""

    def __init__(self, people: People) -> None:
        self._people = people

    def card(self, task: tasks.Task, /) -> Table:
        """All that is worth telling of a task."""
        return fields(
            [
                ("Id", task.id),
                ("Title", task.title),
                ("Status", status_text(task)),
                ("Priority", priority_text(task)),
                ("Labels", ", ".join(task.labels)),
                ("Assignee", self._people.name(task.assignee_id)),
                ("Due", due_text(task)),
                ("Scheduled", clock(task.schedule_time)),
                ("Project", task.project_id),
                ("Part of", task.parent_id),
                ("Blocked by", "\n".join(task.blocked_by)),
                ("Recurs", recurrence_text(task)),
                ("Series", task.series_id if task.series_id != task.id else ""),
                ("Queue", task.queue),
                ("Unique key", unique_text(task)),
                ("Concurrency key", task.concurrency_key),
                ("Attempt", f"{task.attempt} of {task.max_attempts}" if task.queue else ""),
                ("Worker", task.worker),
                ("Lease until", clock(task.lease_expire_time, seconds=True)),
                ("Progress", progress_text(task)),
                ("Error", task.last_error),
                ("Payload", _json(task.payload)),
                ("Result", _json(task.result)),
                ("Created", f"{clock(task.create_time)} by {self._people.name(task.creator_id)}"),
                ("Changed", f"{clock(task.update_time)} (version {task.version})"),
                ("Started", clock(task.start_time)),
                ("Ended", clock(task.end_time)),
                ("Deleted", clock(task.delete_time)),
                ("Description", task.description),
            ]
        )

    def table(self, shown: Sequence[tasks.Task], /) -> Table:
        """A line a task."""
        table = listing("ID", "STATUS", "PRIORITY", "DUE", "ASSIGNEE", "LABELS", "TITLE")
        for task in shown:
            table.add_row(
                Text(short(task.id), style="dim"),
                status_text(task),
                priority_text(task),
                due_text(task),
                Text(safe(self._people.name(task.assignee_id))),
                Text(one_line(", ".join(task.labels))),
                Text(one_line(task.title), style="strike dim" if task.delete_time else ""),
            )
        return table


class FoundView:
    """Results of a search, the hits marked."""

    def card(self, result: tasks.SearchResult, /) -> Table:
        """One result."""
        return self.table([result])

    def table(self, results: Sequence[tasks.SearchResult], /) -> Table:
        """A line a task, and another where its description was hit."""
        table = listing("ID", "STATUS", "TITLE")
        for result in results:
            if result.task is None:
                continue
            title = _marked(result.snippet.title) if result.snippet else Text(one_line(result.task.title))
            table.add_row(Text(short(result.task.id), style="dim"), status_text(result.task), title)
            if result.snippet and any(piece.hit for piece in result.snippet.description):
                table.add_row("", "", _marked(result.snippet.description))
        return table


class HistoryView:
    """What happened to a task; the usernames must have been learned before."""

    def __init__(self, people: People) -> None:
        self._people = people

    def card(self, change: tasks.TaskChange, /) -> Table:
        """One change."""
        return self.table([change])

    def table(self, changes: Sequence[tasks.TaskChange], /) -> Table:
        """A line a change."""
        table = listing("TIME", "VERSION", "WHAT", "WHO", "STATUS", "FIELDS")
        for change in changes:
            table.add_row(
                clock(change.time),
                str(change.version),
                change.type,
                Text(safe(self._people.name(change.actor_id))),
                status_text(change.task) if change.task else "",
                ", ".join(change.changed_fields),
            )
        return table


def changed_line(task: tasks.Task) -> Text:
    """What a change has made of a task, on one line."""
    status = Text("DELETED", style="dim") if task.delete_time else status_text(task)
    return Text.assemble((short(task.id), "dim"), "  ", status, "  ", one_line(task.title))


def status_text(task: tasks.Task) -> Text:
    """The status in its colour."""
    return Text(task.status.name, style=_STATUS_STYLES.get(task.status.name, ""))


def priority_text(task: tasks.Task) -> Text:
    """The priority in its colour."""
    return Text(task.priority.name, style=_PRIORITY_STYLES.get(task.priority.name, ""))


def progress_text(task: tasks.Task) -> str:
    """How far its worker is."""
    return f"{task.progress.percent} % {task.progress.message}".rstrip() if task.progress else ""


def recurrence_text(task: tasks.Task) -> str:
    """When it comes again."""
    if not task.recurrence:
        return ""
    mode = task.recurrence_mode.name.lower().replace("_", " ")
    return f"{task.recurrence} ({mode}, {task.recurrence_time_zone or 'UTC'})"


def unique_text(task: tasks.Task) -> str:
    """Its unique key, and for how long that is taken."""
    if not task.unique_key:
        return ""
    scope = f"for {length(task.unique_period)}" if task.unique_period else f"while {task.unique_scope.name.lower()}"
    return f"{task.unique_key} ({scope})"


def due_text(task: tasks.Task) -> Text:
    """When it is due, red once it is late."""
    late = task.due_time is not None and task.end_time is None and task.due_time < datetime.now(UTC)
    return Text(clock(task.due_time), style="bold red" if late else "")


def _marked(pieces: Sequence[tasks.SnippetPiece]) -> Text:
    text = Text()
    for piece in pieces:
        # Pieces meet within a line: the spaces at their edges stay.
        text.append(safe(re.sub(r"\s+", " ", piece.text)), style="bold yellow" if piece.hit else "")
    return text


def _json(value: google.Struct | None) -> str:
    return "" if value is None else json.dumps(to_plain(value), ensure_ascii=False)
