"""`taskbell watch`: tasks as they change."""

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.invocation import Cli, command

if TYPE_CHECKING:
    from cli.feed import Feed, Happening
    from cli.people import People

app = typer.Typer()

# A screenful; older lines scroll out.
_ROWS: Final = 30


@command(app)
async def watch(
    cli: Cli,
    project: Annotated[
        str,
        typer.Option("--project", "-P", help="Only this project: its title or id; everything you may see if left out."),
    ] = "",
    inbox: Annotated[bool, typer.Option("--inbox", help="Only what concerns you.")] = False,
    filter_: Annotated[
        str, typer.Option("--filter", "-f", help="Only tasks that match this AIP-160 filter after the change.")
    ] = "",
    after: Annotated[str, typer.Option("--after", help="Go on after this cursor of an earlier event.")] = "",
) -> None:
    """Shows changes as they happen, until Ctrl-C; goes on by itself when the connection was lost."""
    from cli.feed import Feed
    from cli.names import project_id
    from cli.people import People

    where = await project_id(cli.client, project) if project else ""
    feed = Feed(cli.client, project=where, inbox=inbox, filter_=filter_, after=after)
    if not cli.output.for_people:
        await _print_events(cli, feed)
    elif sys.stdout.isatty():
        await _live(feed, People(cli.client))
    else:
        await _lines(cli, feed, People(cli.client))


async def _print_events(cli: Cli, feed: "Feed") -> None:
    from cli.json_shape import to_plain
    from cli.sdk import events

    async with aclosing(feed.happenings()) as happenings:
        async for happening in happenings:
            if isinstance(happening, events.Event):
                cli.output.plain(to_plain(happening))
            else:
                _note(happening)


async def _lines(cli: Cli, feed: "Feed", people: "People") -> None:
    from cli.sdk import events
    from cli.views.notifications import event_line

    async with aclosing(feed.happenings()) as happenings:
        async for happening in happenings:
            if isinstance(happening, events.Event):
                await people.meet([happening.actor_id])
                cli.output.draw(event_line(happening, people))
            else:
                _note(happening)


async def _live(feed: "Feed", people: "People") -> None:
    """A table that keeps a line for each task, the last changed at the bottom."""
    from rich.live import Live

    from cli.output import console
    from cli.sdk import events
    from cli.views.notifications import LiveTable

    table = LiveTable(people, _ROWS)
    with Live(table.draw(), console=console(), auto_refresh=False) as live:
        async with aclosing(feed.happenings()) as happenings:
            async for happening in happenings:
                if isinstance(happening, events.Event):
                    await people.meet([happening.actor_id, happening.task.assignee_id if happening.task else ""])
                    table.put(happening)
                else:
                    table.state = _told(happening) or table.state
                live.update(table.draw(), refresh=True)


def _note(happening: "Happening") -> None:
    if told := _told(happening):
        typer.echo(told, err=True)


def _told(happening: "Happening") -> str:
    """What is worth telling of a happening that is no event."""
    from cli.feed import Lost, Resumed
    from cli.sdk import notifications

    match happening:
        case Lost():
            return f"Connection lost ({happening.reason}); again in {happening.wait:.1f} s."
        case Resumed():
            return "Watching."
        case notifications.Gap():
            return "Some events are no longer kept and are missing here: list the tasks again."
        case notifications.InboxState():
            return f"{happening.unread} unread in your inbox."
    return ""
