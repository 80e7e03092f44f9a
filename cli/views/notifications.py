"""The inbox, and events as they come."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.names import short
from cli.people import People
from cli.sdk import events, notifications, tasks
from cli.views.tasks import priority_text, progress_text, status_text
from cli.views.text import clock, listing, one_line, safe

_PROGRESSED: Final = "task.progressed"
_BAR: Final = 12
_SIGNS: Final = {events.EventTransition.ENTER: "+", events.EventTransition.LEAVE: "-"}
"""Of a task that is one of those that are watched from now on, or isn't any more."""


class NotificationView:
    """Notifications of the inbox; the usernames must have been learned before."""

    def __init__(self, people: People) -> None:
        self._people = people

    def card(self, notification: notifications.Notification, /) -> Table:
        """One notification."""
        return self.table([notification])

    def table(self, shown: Sequence[notifications.Notification], /) -> Table:
        """A line a notification; what is unread stands out."""
        table = listing("ID", "STATE", "TIME", "REASON", "BY", "TASK", "TITLE")
        for each in shown:
            event = each.event or events.Event()
            unread = each.state == notifications.NotificationState.UNREAD
            table.add_row(
                Text(short(each.id), style="dim"),
                each.state.name,
                clock(each.create_time),
                each.reason.name,
                Text(safe(self._people.name(event.actor_id))),
                Text(short(event.task_id), style="dim"),
                Text.assemble((_title(event), "bold" if unread else ""), (_said(event), "dim")),
            )
        return table


def event_line(event: events.Event, people: People) -> Text:
    """An event on one line."""
    line = Text.assemble((clock(event.time, seconds=True), "dim"), f"  {_what(event)}")
    if event.task is not None:
        line.append_text(Text.assemble("  ", (short(event.task.id), "dim"), "  ", status_text(event.task)))
        line.append(f"  {_title(event)}")
        line.append(_said(event), style="cyan")
        if event.type == _PROGRESSED:
            line.append(f"  {one_line(progress_text(event.task))}", style="cyan")
    elif event.member is not None:
        line.append(f"  {safe(event.member.username)}  {event.member.role.name}")
    if event.changed_fields and event.comment is None:
        line.append(f"  ({', '.join(event.changed_fields)})", style="dim")
    if event.actor_id:
        line.append(f"  by {safe(people.name(event.actor_id))}", style="dim")
    return line


class LiveTable:
    """The tasks that have changed lately, a line each, the last changed at the bottom."""

    def __init__(self, people: People, rows: int) -> None:
        self._people = people
        self._rows = rows
        self._shown: dict[str, events.Event] = {}
        self.state = "Connecting."

    def put(self, event: events.Event) -> None:
        """Takes a change in."""
        key = event.task_id or event.event_id
        self._shown.pop(key, None)
        self._shown[key] = event
        while len(self._shown) > self._rows:
            del self._shown[next(iter(self._shown))]

    def draw(self) -> Group:
        """The table as it stands, with the state of the connection under it."""
        work = any(event.task and event.task.queue for event in self._shown.values())
        progress = ("PROGRESS",) if work else ()
        table = listing("TIME", "ID", "WHAT", "STATUS", *progress, "PRIORITY", "ASSIGNEE", "BY", "TITLE")
        for event in self._shown.values():
            task = event.task
            cells: list[RenderableType] = [
                clock(event.time, seconds=True)[-8:],
                Text(short(event.task_id), style="dim"),
                _what(event),
                status_text(task) if task else "",
                *([_bar(task)] if work else []),
                priority_text(task) if task else "",
                Text(safe(self._people.name(task.assignee_id))) if task else "",
                Text(safe(self._people.name(event.actor_id))),
                _subject(event),
            ]
            table.add_row(*cells)
        return Group(table, Text(self.state, style="dim")) if self._shown else Group(Text(self.state, style="dim"))


def _what(event: events.Event) -> str:
    return f"{_SIGNS.get(event.transition, ' ')} {event.type}"


def _subject(event: events.Event) -> Text:
    """What it is about, and what its worker is at."""
    task = event.task
    if task is None:
        return Text(safe(event.member.username) if event.member else "")
    text = Text.assemble(one_line(task.title), (_said(event), "dim"))
    if _runs(task) and task.progress:
        text.append(f"  {one_line(task.progress.message)}", style="dim")
    return text


def _title(event: events.Event) -> str:
    return one_line(event.task.title) if event.task else ""


def _said(event: events.Event) -> str:
    """What somebody commented, to stand behind the task's title."""
    return f": {one_line(event.comment.text)}" if event.comment and event.comment.text else ""


def _bar(task: tasks.Task | None) -> RenderableType:
    """How far a running task is."""
    if task is None or not _runs(task):
        return ""
    percent = task.progress.percent if task.progress else 0
    cell = Table.grid(padding=(0, 1, 0, 0))
    cell.add_row(ProgressBar(total=100, completed=percent, width=_BAR), f"{percent:>3} %")
    return cell


def _runs(task: tasks.Task) -> bool:
    return bool(task.queue) and task.status == tasks.TaskStatus.IN_PROGRESS
