"""`taskbell completion`: the script that a shell completes our commands with."""

import os
from enum import StrEnum
from typing import Annotated, Final

import typer
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]  # as typer's own options do

app = typer.Typer()

NAME: Final = "taskbell"
_ASKED: Final = "_TASKBELL_COMPLETE"


class Shell(StrEnum):
    """Which shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command()
def completion(shell: Annotated[Shell, typer.Argument()]) -> None:
    """Prints a shell's completion script. For bash: source <(taskbell completion bash)."""
    typer.echo(get_completion_script(prog_name=NAME, complete_var=_ASKED, shell=shell))


def get_ready() -> None:
    """Lets typer answer, if it is a shell's completion script that runs us."""
    if _ASKED in os.environ:
        completion_init()
