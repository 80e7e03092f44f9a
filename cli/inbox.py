"""`taskbell inbox`: what concerns you."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from cli import paging, sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import All, Limit

if TYPE_CHECKING:
    from cli.api.taskbell.notifications.v1 import NotificationState


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


@command(app, "list")
async def list_(
    cli: Cli,
    state: Annotated[
        State | None,
        typer.Option("--state", "-s", case_sensitive=False, help="Only those; unread and read if left out."),
    ] = None,
    limit: Limit = 50,
    every: All = False,
) -> None:
    """Lists your notifications, newest first."""
    from cli.views.notifications import NotificationView

    asked = sdk.notifications.NotificationState[state.name if state else "STATE_UNSPECIFIED"]

    async def page(size: int, token: str) -> "sdk.notifications.ListNotificationsResponse":
        request = sdk.notifications.ListNotificationsRequest(page_size=size, page_token=token, state=asked)
        return await cli.client.notifications.list_notifications(request)

    answer = await paging.collect(page, "notifications", None if every else limit)
    cli.output.items(answer, answer.notifications, NotificationView())


@command(app)
async def read(cli: Cli, ids: Which = None, every: Every = False) -> None:
    """Marks notifications as read."""
    await _mark(cli, ids or [], every, sdk.notifications.NotificationState.READ)


@command(app)
async def archive(cli: Cli, ids: Which = None, every: Every = False) -> None:
    """Puts notifications away."""
    await _mark(cli, ids or [], every, sdk.notifications.NotificationState.ARCHIVED)


async def _mark(cli: Cli, which: list[str], every: bool, state: "NotificationState") -> None:
    from cli.names import notification_ids

    if bool(which) == every:
        raise UsageProblem("say which: their ids, or --all")
    request = sdk.notifications.MarkNotificationsRequest(
        ids=await notification_ids(cli.client, which), all=every, state=state
    )
    answer = await cli.client.notifications.mark_notifications(request)
    if cli.output.for_people:
        cli.output.draw(f"{answer.unread_count} unread.")
    else:
        cli.output.plain({"unreadCount": answer.unread_count})
