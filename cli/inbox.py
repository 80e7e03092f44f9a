"""`taskbell inbox`: what concerns you."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from typer.core import TyperGroup

from cli import paging, sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import All, Limit


class _Listing(TyperGroup):
    """`taskbell inbox` is `taskbell inbox list`, options and all."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # click's own
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="Notifications of what concerns you.", cls=_Listing)

Which = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Their ids, or the ends of them.")]
Every = Annotated[bool, typer.Option("--all", help="All that are not archived.")]


class State(StrEnum):
    """Whether a notification was seen."""

    UNREAD = "unread"
    READ = "read"
    ARCHIVED = "archived"


class Reason(StrEnum):
    """Why it concerns you."""

    ASSIGNED = "assigned"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DUE_SOON = "due-soon"
    OVERDUE = "overdue"
    MENTIONED = "mentioned"
    COMMENTED = "commented"


Reasons = Annotated[
    list[Reason] | None,
    typer.Option("--reason", "-r", case_sensitive=False, help="Only those with this reason; may be repeated."),
]
Task = Annotated[str, typer.Option("--task", "-t", help="Only those about this task.")]
Project = Annotated[str, typer.Option("--project", "-P", help="Only those of this project: its title or id.")]
Filter = Annotated[
    str, typer.Option("--filter", "-f", help="An AIP-160 filter, such as 'type:comment AND actor != me'.")
]


@command(app, "list")
async def list_(
    cli: Cli,
    *,
    state: Annotated[
        State | None,
        typer.Option("--state", "-s", case_sensitive=False, help="Only those; unread and read if left out."),
    ] = None,
    reason: Reasons = None,
    task: Task = "",
    project: Project = "",
    filter_: Filter = "",
    limit: Limit = 50,
    every: All = False,
) -> None:
    """Lists your notifications, newest first."""
    from cli.people import People
    from cli.views.notifications import NotificationView

    asked = sdk.notifications.NotificationState[state.name if state else "STATE_UNSPECIFIED"]
    narrowed = await _narrowed(cli, reason or [], task, project, filter_)

    async def page(size: int, token: str) -> "sdk.notifications.ListNotificationsResponse":
        request = sdk.notifications.ListNotificationsRequest(
            page_size=size, page_token=token, state=asked, filter=narrowed
        )
        return await cli.client.notifications.list_notifications(request)

    answer = await paging.collect(page, "notifications", None if every else limit)
    people = People(cli.client)
    if cli.output.for_people:
        await people.meet(each.event.actor_id for each in answer.notifications if each.event)
    cli.output.items(answer, answer.notifications, NotificationView(people))


def _add_marking(name: str, state: State, does: str) -> None:
    @command(app, name, help=does)
    async def mark(
        cli: Cli,
        *,
        ids: Which = None,
        every: Every = False,
        reason: Reasons = None,
        task: Task = "",
        project: Project = "",
        filter_: Filter = "",
    ) -> None:
        from cli.names import notification_ids

        which, about = ids or [], "--task, --project, --reason or --filter"
        narrowed = await _narrowed(cli, reason or [], task, project, filter_)
        if [bool(which), every, bool(narrowed)].count(True) != 1:
            raise UsageProblem(f"say which: their ids, --all, or what they are about: {about}")
        request = sdk.notifications.MarkNotificationsRequest(
            ids=await notification_ids(cli.client, which),
            all=every,
            filter=narrowed,
            state=sdk.notifications.NotificationState[state.name],
        )
        answer = await cli.client.notifications.mark_notifications(request)
        if cli.output.for_people:
            cli.output.draw(f"{answer.unread_count} unread.")
        else:
            cli.output.plain({"unreadCount": answer.unread_count})


_add_marking("read", State.READ, "Marks notifications as read: these, all, or those about something.")
_add_marking("unread", State.UNREAD, "Marks notifications as unread again.")
_add_marking("archive", State.ARCHIVED, "Puts notifications away.")


async def _narrowed(cli: Cli, reasons: Sequence[Reason], task: str, project: str, filter_: str) -> str:
    """The filter for all that was asked for."""
    from cli.names import project_id, task_ids

    parts = [f"({filter_})"] if filter_.strip() else []
    if reasons:
        parts.append("(" + " OR ".join(f"reason = {reason.name}" for reason in reasons) + ")")
    if task:
        (task_id,) = await task_ids(cli.client, [task], deleted=True)
        parts.append(f'task = "{task_id}"')
    if project:
        parts.append(f'project = "{await project_id(cli.client, project)}"')
    return " AND ".join(parts)
