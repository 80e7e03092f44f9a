"""How a command ends that could not do its work: one line on standard error, a hint where it helps, an exit code."""

import errno
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from chassis.errors import ServiceError

# What a full disk, or one that breaks, says to a write.
_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

LOG_IN: Final = "log in with `taskbell login USERNAME`, or set TASKBELL_TOKEN"
HINTS: Final[Mapping[str, str]] = {
    "CREDENTIALS_MISSING": LOG_IN,
    "TOKEN_INVALID": LOG_IN,
    "TOKEN_EXPIRED": LOG_IN,
    "SESSION_ENDED": LOG_IN,
    "REFRESH_TOKEN_REUSED": LOG_IN,
    "SESSION_REQUIRED": "unset TASKBELL_TOKEN and log in with `taskbell login USERNAME`",
    "UNAVAILABLE": "is it running? `taskbell dev` starts everything on this machine",
    "DEADLINE_EXCEEDED": "the change may have been made: look before you repeat it",
    "ETAG_MISMATCH": "somebody else changed it in between: look at it and try again",
    "METHOD_NOT_IMPLEMENTED": "the server may be older than this command",
    "CURSOR_TOO_OLD": "list the tasks again, and watch from now on",
    "INTERNAL": "the server's log says more",
}


class UsageProblem(typer.TyperException):
    """The command can't be meant as it was given: what it names isn't there, or not only once."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def report(error: Exception) -> int | None:
    """Tells the user, and returns the exit code; None for an error that only a mistake of ours explains."""
    if isinstance(error, UsageProblem):
        return _tell(error.message, error.hint, error.exit_code)
    if isinstance(error, typer.TyperException) and error.message.startswith("Usage:"):
        # A group of commands without a command: the error is its help page.
        typer.echo(error.message, err=True)
        return error.exit_code
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        return _tell(
            error.format_message().replace("Value error, ", ""),
            f"see `{context.command_path} --help`" if context else "",
            error.exit_code,
        )
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        _silence_output()
        return _tell(f"the output can't be written: {error.strerror}", "", UsageProblem.exit_code)
    from chassis.errors import ServiceError

    if isinstance(error, ServiceError):
        return _tell(f"{_sentence(error)} ({error.reason})", HINTS.get(error.reason, ""), error.exit_code)
    return None


def reader_gone() -> int:
    """The exit code of a command whose output nobody reads any more."""
    _silence_output()
    return PIPE_CLOSED


def _silence_output() -> None:
    """Else the interpreter would try to write the rest as it leaves."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: "ServiceError") -> str:
    """The error's text on one line, with the fields that it is about where the text leaves them out."""
    missing = [
        f"{each.field}: {each.description}" for each in error.violations if each.description not in error.message
    ]
    return " ".join("; ".join([error.message.rstrip("."), *missing]).split())


def _tell(message: str, hint: str, exit_code: int) -> int:
    typer.echo(f"error: {message}", err=True)
    if hint:
        typer.echo(f"hint: {hint}", err=True)
    return exit_code
