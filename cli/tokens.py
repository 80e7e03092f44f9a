"""`taskbell token`: long-lived API tokens for programs."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from cli import paging, sdk
from cli.invocation import Cli, command
from cli.paging import All, Limit

app = typer.Typer(help="API tokens for workers and scripts.", no_args_is_help=True)


class Scope(StrEnum):
    """What a token's bearer may do."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    QUEUES_WORK = "queues:work"
    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_WRITE = "notifications:write"
    ACCOUNT = "account"


@command(app)
async def create(
    cli: Cli,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option("--scope", "-s", help="What it may do; may be repeated.")],
    expires: Annotated[str, typer.Option(help="How long it holds, such as 90d or 12h. For ever if left out.")] = "",
) -> None:
    """Makes an API token and shows it, this once."""
    from cli.dates import parse_length
    from cli.views.accounts import TokenView

    token = sdk.accounts.Token(name=name, scopes=[each.value for each in scope])
    if expires:
        token.expire_time = datetime.now(UTC) + parse_length(expires)
    made = await cli.client.accounts.create_token(sdk.accounts.CreateTokenRequest(token=token))
    cli.output.item(made, TokenView())


@command(app, "list")
async def list_(cli: Cli, limit: Limit = 50, every: All = False) -> None:
    """Lists your API tokens, newest first."""
    from cli.views.accounts import TokenView

    async def page(size: int, token: str) -> "sdk.accounts.ListTokensResponse":
        return await cli.client.accounts.list_tokens(sdk.accounts.ListTokensRequest(page_size=size, page_token=token))

    answer = await paging.collect(page, "tokens", None if every else limit)
    cli.output.items(answer, answer.tokens, TokenView())


@command(app)
async def rm(cli: Cli, token: Annotated[str, typer.Argument(help="Its name, its id, or the end of it.")]) -> None:
    """Revokes an API token; it is refused from the next call on."""
    from cli.names import token_id

    await cli.client.accounts.delete_token(sdk.accounts.DeleteTokenRequest(id=await token_id(cli.client, token)))
    cli.output.done("Revoked.")
