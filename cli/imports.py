"""`taskbell import`: makes tasks from lines of JSON, such as `taskbell export` writes.

Each line's request_id comes from the line, so that an import which broke off is simply repeated.
"""

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cli import sdk
from cli.exports import STANDARD
from cli.failures import UsageProblem
from cli.import_line import Line, parse_line
from cli.invocation import Cli, command

app = typer.Typer()


@command(app, "import")
async def import_(
    cli: Cli,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where from; - is standard input.")] = STANDARD,
    project: Annotated[
        str,
        typer.Option("--project", "-P", help="Puts all into this project; else the line's own, or your personal one."),
    ] = "",
) -> None:
    """Makes a task from each line of JSON; what the server owns, such as ids and times, is made anew."""
    from chassis.errors import ServiceError
    from cli.names import project_id
    from cli.views.tasks import changed_line

    lines = _lines(_read(file))
    where = await project_id(cli.client, project) if project else ""
    made: list[sdk.tasks.Task] = []
    copies: dict[str, str] = {}
    seen: Counter[str] = Counter()
    try:
        for line in lines:
            if line.left_out:
                typer.echo(f"line {line.number} is left out: {line.left_out}", err=True)
                continue
            seen[line.text] += 1
            request_id = hashlib.sha256(f"{where}\n{seen[line.text]}\n{line.text}".encode()).hexdigest()[:32]
            try:
                task = await _make(cli, line.copy_for(where, copies), line.status, request_id)
            except ServiceError as error:
                error.message = f"line {line.number}: {error.message}"
                raise
            made.append(task)
            copies[line.id] = task.id
    finally:
        cli.output.changed(made, "tasks", changed_line)


async def _make(cli: Cli, task: "sdk.tasks.Task", status: "sdk.tasks.TaskStatus", request_id: str) -> "sdk.tasks.Task":
    """Makes it, and brings it to its status; each step can be repeated."""
    tasks, status_of = cli.client.tasks, sdk.tasks.TaskStatus
    made = await tasks.create_task(sdk.tasks.CreateTaskRequest(task=task, request_id=request_id))
    step = {"id": made.id, "request_id": f"{request_id}-status"}
    if status is status_of.IN_PROGRESS:
        return await tasks.start_task(sdk.tasks.StartTaskRequest(**step))
    if status is status_of.COMPLETED:
        return await tasks.complete_task(sdk.tasks.CompleteTaskRequest(**step))
    if status is status_of.CANCELLED:
        return await tasks.cancel_task(sdk.tasks.CancelTaskRequest(**step))
    return made


def _lines(text: str) -> list[Line]:
    """All of them read, so that nothing is made if one can't be."""
    # Not str.splitlines: JSON may hold the other line separators of Unicode as they are.
    return [parse_line(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == STANDARD else Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageProblem(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{file} is not UTF-8: {error.reason} at byte {error.start}") from error
