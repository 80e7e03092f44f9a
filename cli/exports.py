"""`taskbell export`: tasks as lines of JSON."""

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from cli import sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.paging import LARGEST_PAGE
from cli.task_input import Filter

app = typer.Typer()

STANDARD: Final = "-"


@command(app)
async def export(
    cli: Cli,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; - is standard output.")] = STANDARD,
    project: Annotated[
        str,
        typer.Option("--project", "-P", help="A project's title or id, or - for all; your personal one if left out."),
    ] = "",
    filter_: Filter = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted tasks too.")] = False,
) -> None:
    """Writes tasks, oldest first, each as a line of the JSON that the REST API has, whatever --output says."""
    from cli.json_shape import to_plain
    from cli.names import project_id

    where = await project_id(cli.client, project) if project not in {"", "-"} else project
    # Parents come before what is a part of them, so that `import` can put them together again.
    request = sdk.tasks.ListTasksRequest(
        project_id=where, filter=filter_, order_by="create_time", show_deleted=deleted, page_size=LARGEST_PAGE
    )
    answer = await cli.client.tasks.list_tasks(request)
    try:
        with _opened(file) as lines:
            while True:
                for task in answer.tasks:
                    lines.write(json.dumps(to_plain(task), ensure_ascii=False, separators=(",", ":")) + "\n")
                if not answer.next_page_token:
                    return
                request.page_token = answer.next_page_token
                answer = await cli.client.tasks.list_tasks(request)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageProblem(f"{file} can't be written: {error.strerror}") from error


def _opened(file: str) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdout) if file == STANDARD else Path(file).open("w", encoding="utf-8")
