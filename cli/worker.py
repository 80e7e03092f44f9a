"""`taskbell worker`: does the tasks of queues with a command."""

import shutil
import signal
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.completion import queue_names
from cli.failures import INTERRUPTED, UsageProblem
from cli.invocation import Cli, command

if TYPE_CHECKING:
    from cli.views.work import Show
    from cli.work.worker import Worker

app = typer.Typer()

# What comes after the command's first word is the command's.
_UP_TO_THE_COMMAND: Final = {"allow_interspersed_args": False}


@command(app, context_settings=_UP_TO_THE_COMMAND)
async def worker(
    cli: Cli,
    *,
    words: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND...", help="Run once for each task: its payload is on standard input."),
    ],
    queue: Annotated[
        list[str],
        typer.Option(
            "--queue",
            "-q",
            help="Whose tasks it does; may be repeated, the first comes first.",
            autocompletion=queue_names,
        ),
    ],
    project: Annotated[
        str,
        typer.Option("--project", "-P", help="The queues' project: its title or id; your personal one if left out."),
    ] = "",
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, max=1000, help="How many tasks at a time.")
    ] = 1,
    name: Annotated[str, typer.Option("--name", help="What people see of it; HOST-PID if left out.")] = "",
    time_limit: Annotated[
        str, typer.Option("--timeout", help="How long the command may take, such as 10m; then the attempt has failed.")
    ] = "",
    retry_after: Annotated[
        str, typer.Option("--retry-after", help="How long a task waits for which the command ended with 75.")
    ] = "30s",
    grace: Annotated[
        str, typer.Option("--grace", help="How long what runs may go on after Ctrl-C or SIGTERM.")
    ] = "30s",
    lease: Annotated[
        str,
        typer.Option("--lease", help="How long its tasks stay its own when the connection breaks; as the queue says."),
    ] = "",
) -> None:
    """Does the tasks of queues with a command, until Ctrl-C.

    The command gets the payload as JSON on standard input, and TASKBELL_TASK_ID, TASKBELL_ATTEMPT and the like in its
    environment. With the exit code 0 the task is completed, and what it printed is the result. 75 puts the task off;
    any other code is a failed attempt, and the end of standard error tells why. docs/workers.md tells the rest.
    """
    if shutil.which(words[0]) is None:
        raise UsageProblem(f"{words[0]!r} is no command that can be run", hint="it must be there, and executable")
    from cli.dates import parse_length
    from cli.views.work import show_for
    from cli.work.command import Command
    from cli.work.worker import Worker

    with show_for(cli.output) as show:
        ours = Worker(
            cli.client,
            project=await _project(cli, project),
            name=name,
            concurrency=concurrency,
            lease=parse_length(lease) if lease else None,
            grace=parse_length(grace).total_seconds(),
            listener=show.tell,
        )
        runs = Command(
            words=words,
            worker=ours.name,
            timeout=parse_length(time_limit).total_seconds() if time_limit else None,
            retry_after=parse_length(retry_after).total_seconds(),
            show=show.said,
        )
        for each in queue:
            ours.handler(each)(runs)
        await _work(ours, show)


async def _work(ours: "Worker", show: "Show") -> None:
    from cli.work.signals import signals_to

    stopped_by: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        stopped_by.append(number)
        ours.stop()

    with signals_to(stop):
        await show.beside(ours.work())
    if signal.SIGINT in stopped_by:
        raise typer.Exit(INTERRUPTED)


async def _project(cli: Cli, text: str) -> str:
    from chassis.errors import ScopeMissing
    from cli.names import project_id

    try:
        return await project_id(cli.client, text) if text else ""
    except ScopeMissing as error:
        raise UsageProblem(
            f"the token may not look up the project {text!r}: {error.message}", hint="name the project by its id"
        ) from error
