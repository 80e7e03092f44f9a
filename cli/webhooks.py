"""`taskbell webhook`: programs elsewhere that are told of what happens in a project."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import paging, sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import All, Limit

if TYPE_CHECKING:
    from cli.client import Client

app = typer.Typer(help="Programs elsewhere that are told of what happens in a project.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="The project's title, its id, or the end of it.")]
Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, or the end of it; or its address.")]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", "-e", help="A type such as task.completed, or task.*; may be repeated. All if left out."),
]
Description = Annotated[str | None, typer.Option("--description", "-d", help="What it is for.")]


@command(app)
async def create(
    cli: Cli,
    project: Project,
    url: Annotated[str, typer.Argument(help="An http or https address.")],
    event: Events = None,
    description: Description = None,
) -> None:
    """Makes a webhook, and shows its secret, this once."""
    webhook = sdk.webhooks.Webhook(url=url, event_types=event or [], description=description or "")
    request = sdk.webhooks.CreateWebhookRequest(project_id=await _project(cli, project), webhook=webhook)
    _show(cli, await cli.client.webhooks.create_webhook(request))


@command(app, "list")
async def list_(cli: Cli, project: Project) -> None:
    """Lists a project's webhooks."""
    from cli.views.webhooks import WebhookView

    request = sdk.webhooks.ListWebhooksRequest(project_id=await _project(cli, project))
    answer = await cli.client.webhooks.list_webhooks(request)
    cli.output.items(answer, answer.webhooks, WebhookView())


@command(app)
async def show(cli: Cli, project: Project, webhook: Webhook) -> None:
    """Shows a webhook."""
    where = await _where(cli, project, webhook)
    _show(cli, await cli.client.webhooks.get_webhook(sdk.webhooks.GetWebhookRequest(**where)))


@command(app)
async def edit(
    cli: Cli,
    project: Project,
    webhook: Webhook,
    *,
    url: Annotated[str | None, typer.Option("--url", "-u")] = None,
    event: Events = None,
    description: Description = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Enabling lets one go on that was paused.")
    ] = None,
) -> None:
    """Changes what is named, and nothing else. `--event ''` asks for all events."""
    named = {"url": url, "event_types": event, "description": description, "disabled": disabled}
    new: dict[str, Any] = {field: value for field, value in named.items() if value is not None}
    if not new:
        raise UsageProblem("there is nothing to change: give --url, --event, --description, --disable or --enable")
    if new.get("event_types") == [""]:
        new["event_types"] = []
    where = await _where(cli, project, webhook)
    request = sdk.webhooks.UpdateWebhookRequest(
        project_id=where["project_id"],
        webhook=sdk.webhooks.Webhook(id=where["id"], **new),
        update_mask=sdk.google.FieldMask(paths=[*new]),
    )
    _show(cli, await cli.client.webhooks.update_webhook(request))


@command(app)
async def rm(cli: Cli, project: Project, webhook: Webhook) -> None:
    """Removes a webhook with its deliveries, for good."""
    where = await _where(cli, project, webhook)
    await cli.client.webhooks.delete_webhook(sdk.webhooks.DeleteWebhookRequest(**where))
    cli.output.done("Removed.")


@command(app)
async def rotate_secret(cli: Cli, project: Project, webhook: Webhook) -> None:
    """Gives a webhook a new secret, and shows it, this once; for a day the one before signs as well."""
    where = await _where(cli, project, webhook)
    _show(cli, await cli.client.webhooks.rotate_secret(sdk.webhooks.RotateSecretRequest(**where)))


@command(app)
async def test(cli: Cli, project: Project, webhook: Webhook) -> None:
    """Sends an event webhook.test at once, and shows what came back."""
    from cli.views.webhooks import TestView

    where = await _where(cli, project, webhook)
    cli.output.item(await cli.client.webhooks.test_webhook(sdk.webhooks.TestWebhookRequest(**where)), TestView())


@command(app)
async def deliveries(cli: Cli, project: Project, webhook: Webhook, limit: Limit = 50, every: All = False) -> None:
    """Lists what a webhook was to be sent, newest first, with the last answers."""
    from cli.views.webhooks import DeliveryView

    where = await _where(cli, project, webhook)

    async def page(size: int, token: str) -> "sdk.webhooks.ListDeliveriesResponse":
        return await cli.client.webhooks.list_deliveries(
            sdk.webhooks.ListDeliveriesRequest(
                project_id=where["project_id"], webhook_id=where["id"], page_size=size, page_token=token
            )
        )

    answer = await paging.collect(page, "deliveries", None if every else limit)
    cli.output.items(answer, answer.deliveries, DeliveryView())


@command(app)
async def retry(
    cli: Cli,
    project: Project,
    webhook: Webhook,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id, or the end of it.")],
) -> None:
    """Sends something once more, whatever became of it."""
    from cli.names import webhook_delivery_id
    from cli.views.webhooks import DeliveryView

    where = await _where(cli, project, webhook)
    id_ = await webhook_delivery_id(cli.client, where["project_id"], where["id"], delivery)
    request = sdk.webhooks.RetryDeliveryRequest(project_id=where["project_id"], webhook_id=where["id"], id=id_)
    cli.output.item(await cli.client.webhooks.retry_delivery(request), DeliveryView())


def _show(cli: Cli, webhook: "sdk.webhooks.Webhook") -> None:
    from cli.views.webhooks import WebhookView

    cli.output.item(webhook, WebhookView())


async def _project(cli: Cli, project: str) -> str:
    from cli.names import project_id

    return await project_id(cli.client, project)


async def _where(cli: Cli, project: str, webhook: str) -> dict[str, Any]:
    """The ids of a project and of a webhook in it."""
    from cli.names import webhook_id

    client: Client = cli.client
    project_id = await _project(cli, project)
    return {"project_id": project_id, "id": await webhook_id(client, project_id, webhook)}
