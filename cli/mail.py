"""`taskbell mail`: the mails of your notifications; and `taskbell explain`: the way of one event."""

from enum import StrEnum
from typing import Annotated

import typer

from cli import paging, sdk
from cli.invocation import Cli, command
from cli.paging import All, Limit

app = typer.Typer()
group = typer.Typer(help="The mails of your notifications, and what became of them.", no_args_is_help=True)


class State(StrEnum):
    """How far a mail is."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    GATHERED = "gathered"
    WITHHELD = "withheld"


@command(group, "list")
async def list_(
    cli: Cli,
    state: Annotated[
        State | None, typer.Option("--state", "-s", case_sensitive=False, help="Only those; all if left out.")
    ] = None,
    limit: Limit = 50,
    every: All = False,
) -> None:
    """Lists your mails of the last 30 days, newest first."""
    from cli.views.deliveries import DeliveryView

    asked = sdk.notifications.DeliveryState[state.name if state else "STATE_UNSPECIFIED"]

    async def page(size: int, token: str) -> "sdk.notifications.ListDeliveriesResponse":
        request = sdk.notifications.ListDeliveriesRequest(page_size=size, page_token=token, state=asked)
        return await cli.client.deliveries.list_deliveries(request)

    answer = await paging.collect(page, "deliveries", None if every else limit)
    cli.output.items(answer, answer.deliveries, DeliveryView())
    cli.output.more(answer.next_page_token)


@command(group)
async def retry(
    cli: Cli, ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Their ids, or the ends of them.")]
) -> None:
    """Tries mails again that were given up."""
    from cli.names import delivery_ids
    from cli.views.deliveries import delivery_line

    found = await delivery_ids(cli.client, ids)
    again = [
        await cli.client.deliveries.retry_delivery(sdk.notifications.RetryDeliveryRequest(id=each)) for each in found
    ]
    cli.output.changed(again, "deliveries", delivery_line)


@command(app)
async def explain(
    cli: Cli,
    event: Annotated[
        str, typer.Argument(metavar="EVENT_ID", help="The event's id, or the end of a notification's of yours.")
    ],
) -> None:
    """Shows the way of an event to you: commit, stream, inbox, devices, mail."""
    from cli.names import event_id
    from cli.people import People
    from cli.views.deliveries import ExplanationView

    request = sdk.notifications.ExplainEventRequest(event_id=await event_id(cli.client, event))
    explanation = await cli.client.deliveries.explain_event(request)
    people = People(cli.client)
    if cli.output.for_people and explanation.event:
        await people.meet([explanation.event.actor_id])
    cli.output.item(explanation, ExplanationView(people))
