"""`taskbell start`, `done`, `cancel`, `reopen`, `rm`, `restore`: one change of one or more tasks."""

from collections.abc import Awaitable, Callable

import typer

from cli import sdk
from cli.invocation import Cli, command
from cli.task_input import Ids

app = typer.Typer()


@command(app)
async def start(cli: Cli, tasks: Ids) -> None:
    """Starts pending tasks."""
    await _change(cli, tasks, lambda id_: cli.client.tasks.start_task(sdk.tasks.StartTaskRequest(id=id_)))


@command(app)
async def done(cli: Cli, tasks: Ids) -> None:
    """Completes tasks."""
    await _change(cli, tasks, lambda id_: cli.client.tasks.complete_task(sdk.tasks.CompleteTaskRequest(id=id_)))


@command(app)
async def cancel(cli: Cli, tasks: Ids) -> None:
    """Cancels tasks."""
    await _change(cli, tasks, lambda id_: cli.client.tasks.cancel_task(sdk.tasks.CancelTaskRequest(id=id_)))


@command(app)
async def reopen(cli: Cli, tasks: Ids) -> None:
    """Reopens tasks that have ended."""
    await _change(cli, tasks, lambda id_: cli.client.tasks.reopen_task(sdk.tasks.ReopenTaskRequest(id=id_)))


@command(app)
async def rm(cli: Cli, tasks: Ids) -> None:
    """Deletes tasks; `taskbell restore` brings them back."""
    await _change(cli, tasks, lambda id_: cli.client.tasks.delete_task(sdk.tasks.DeleteTaskRequest(id=id_)))


@command(app)
async def restore(cli: Cli, tasks: Ids) -> None:
    """Brings deleted tasks back."""
    await _change(
        cli, tasks, lambda id_: cli.client.tasks.restore_task(sdk.tasks.RestoreTaskRequest(id=id_)), deleted=True
    )


async def _change(
    cli: Cli, tasks: list[str], change: "Callable[[str], Awaitable[sdk.tasks.Task]]", *, deleted: bool = False
) -> None:
    """Makes the change task by task, none before all are found; what was changed is told, whatever follows."""
    from cli.names import task_ids
    from cli.views.tasks import changed_line

    changed: list[sdk.tasks.Task] = []
    try:
        for id_ in await task_ids(cli.client, tasks, deleted=deleted):
            changed.append(await change(id_))  # noqa: PERF401 - a list comprehension would lose those before an error
    finally:
        cli.output.changed(changed, "tasks", changed_line)
