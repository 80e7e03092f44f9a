"""`taskbell completion`: the script that a shell completes our commands with, and names that only a server knows."""

import asyncio
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]  # as typer's own options do

if TYPE_CHECKING:
    from cli.invocation import Cli

app = typer.Typer()

NAME: Final = "taskbell"
_ASKED: Final = "_TASKBELL_COMPLETE"
_PATIENCE: Final = 2.0
_MOST_NAMES: Final = 200


class Shell(StrEnum):
    """Which shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command()
def completion(shell: Annotated[Shell, typer.Argument()]) -> None:
    """Prints a shell's completion script. For bash: source <(taskbell completion bash)."""
    typer.echo(get_completion_script(prog_name=NAME, complete_var=_ASKED, shell=shell))


def queue_names(context: typer.Context, incomplete: str) -> list[str]:
    """The queues of the project that stands on the line so far. None, if they can't be asked for quickly."""
    from cli.invocation import Before, Cli

    given = context.params
    cli = Cli(context.find_root().obj or Before(), output=None, context=given.get("context"))
    try:
        names = asyncio.run(_queue_names(cli, given.get("project") or ""))
    except Exception:  # noqa: BLE001 - there is nobody to tell: the shell is in the middle of a line
        return []
    return [name for name in names if name.startswith(incomplete)]


async def _queue_names(cli: "Cli", project: str) -> list[str]:
    from cli import sdk
    from cli.names import project_id

    try:
        async with asyncio.timeout(_PATIENCE):
            where = await project_id(cli.client, project) if project else ""
            answer = await cli.client.queues.list_queues(
                sdk.queues.ListQueuesRequest(project_id=where, page_size=_MOST_NAMES)
            )
    finally:
        await cli.close()
    return [queue.name for queue in answer.queues]


def get_ready() -> None:
    """Lets typer answer, if it is a shell's completion script that runs us."""
    if _ASKED in os.environ:
        completion_init()
