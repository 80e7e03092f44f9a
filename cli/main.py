"""The command `taskbell`: its tree, and how a run of it ends."""

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from cli import (
    accounts,
    changes,
    comments,
    completion,
    config,
    exports,
    failures,
    imports,
    inbox,
    mail,
    passwords,
    preferences,
    projects,
    queues,
    stack,
    tasks,
    tokens,
    watch,
    webhooks,
    worker,
)
from cli.invocation import CONTEXT, OUTPUT, Before
from cli.output import Format

# Without rich's help pages, which take longer to import than most commands take to run.
app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"taskbell {metadata.version('taskbell')}")
        raise typer.Exit


VERSION = typer.Option("--version", help="Which version this is.", callback=_tell_version, is_eager=True)


@app.callback(epilog="Exit codes and environment variables: docs/cli.md")
def taskbell(
    ctx: typer.Context,
    output: Annotated[Format | None, OUTPUT] = None,
    context: Annotated[str | None, CONTEXT] = None,
    version: Annotated[bool, VERSION] = False,  # noqa: ARG001 - answered by its callback
) -> None:
    """Tasks that people and programs share."""
    ctx.obj = Before(output=output, context=context)


for part in (accounts, tasks, changes, comments, watch, mail, worker, imports, exports, stack, completion):
    app.add_typer(part.app)
for name, group in (
    ("project", projects.app),
    ("queue", queues.app),
    ("webhook", webhooks.app),
    ("comments", comments.group),
    ("inbox", inbox.app),
    ("preferences", preferences.app),
    ("mail", mail.group),
    ("token", tokens.app),
    ("password", passwords.app),
    ("config", config.app),
):
    app.add_typer(group, name=name)


def run() -> None:
    """Runs the command line, and ends the process with the exit code that docs/cli.md tells."""
    _open_what_is_closed()
    sys.exit(_exit_code())


def _open_what_is_closed() -> None:
    """Who starts a command with `>&-` doesn't want to read it; Python then has no file there at all."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - as long as the process lives


def _exit_code() -> int:
    completion.get_ready()
    try:
        code = app(prog_name=completion.NAME, standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort:
        typer.echo(err=True)
        return failures.INTERRUPTED
    except KeyboardInterrupt:
        return failures.INTERRUPTED
    except BrokenPipeError:
        return failures.reader_gone()
    except Exception as error:
        known = failures.report(error)
        if known is None:
            raise
        return known
    return code if isinstance(code, int) else 0
