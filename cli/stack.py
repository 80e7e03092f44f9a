"""`taskbell dev` and `taskbell demo`: everything on this machine. They need the `dev` extra."""

import importlib
from typing import Any, Final

import typer

from cli.failures import UsageProblem

app = typer.Typer()

# Their own parsers know the flags.
_HANDED_ON: Final[dict[str, Any]] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
    "add_help_option": False,
    "options_metavar": "[ARGS]...",
}


@app.command(**_HANDED_ON)
def dev(ctx: typer.Context) -> None:
    """Runs databases, bus and all services on this machine until Ctrl-C."""
    _hand_on("devstack.dev", ctx)


@app.command(**_HANDED_ON)
def demo(ctx: typer.Context) -> None:
    """Plays the main job end to end on a throw-away stack, and checks what it saw."""
    _hand_on("cli.demo", ctx)


def _hand_on(module: str, ctx: typer.Context) -> None:
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        raise UsageProblem(
            f"`{ctx.command_path}` needs what only a development machine has ({error.name} is missing)",
            hint="install it with `pip install 'taskbell[dev]'`, or run `make run` in the repository",
        ) from error
    raise typer.Exit(main(ctx.args) or 0)
