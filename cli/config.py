"""`taskbell config`: which servers there are, and which of them are in use."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.config_file import Context
from cli.context_tls import MODES
from cli.failures import UsageProblem
from cli.invocation import Cli, command
from cli.output import Format

app = typer.Typer(help="Contexts: the servers to work with, and who is logged in there.", no_args_is_help=True)


class Key(StrEnum):
    """What can be set in a context."""

    TASKS_ADDRESS = "tasks-address"
    NOTIFY_ADDRESS = "notify-address"
    TLS = "tls"
    TLS_CA_FILE = "tls-ca-file"
    TLS_CERT_FILE = "tls-cert-file"
    TLS_KEY_FILE = "tls-key-file"
    TLS_SERVER_NAME = "tls-server-name"
    OUTPUT = "output"


@command(app, "list")
async def list_(cli: Cli) -> None:
    """Lists the contexts; passwords and tokens are not shown."""
    config = cli.file.read()
    rows = [
        {
            "name": name,
            "current": name == config.current,
            "tasksAddress": context.tasks_address,
            "notifyAddress": context.notify_address,
            "tls": context.tls,
            "output": context.output or Format.TABLE.value,
            "username": context.session.username if context.session else "",
        }
        for name, context in config.contexts.items()
    ]
    if not cli.output.for_people:
        for value in rows if cli.output.format is Format.JSONL else [{"contexts": rows}]:
            cli.output.plain(value)
        return
    from cli.views.text import listing

    table = listing("", "NAME", "TASKS", "NOTIFICATIONS", "TLS", "OUTPUT", "USERNAME")
    for row in rows:
        table.add_row("*" if row["current"] else "", *(str(value) for key, value in row.items() if key != "current"))
    cli.output.draw(table)


@command(app)
async def use(cli: Cli, name: Annotated[str, typer.Argument(help="A context's name.")]) -> None:
    """Makes a context the one in use."""
    async with cli.file.change() as config:
        config.context(name)
        config.current = name
    cli.output.done(f"Using {name}.")


@command(app, "set")
async def set_(cli: Cli, key: Annotated[Key, typer.Argument()], value: Annotated[str, typer.Argument()]) -> None:
    """Sets a value of the context in use, or of the one that --context names, which is made if it isn't there."""
    checked = _checked(key, value)
    async with cli.file.change() as config:
        context = config.contexts.setdefault(cli.context_name, Context())
        setattr(context, key.name.lower(), checked)
    cli.output.done(f"{cli.context_name}: {key} is {checked}.")


def _checked(key: Key, value: str) -> str:
    match key:
        case Key.OUTPUT:
            return _one_of(tuple(Format), value, "output format")
        case Key.TLS:
            return _one_of(MODES, value, "way to speak TLS")
        case Key.TLS_CA_FILE | Key.TLS_CERT_FILE | Key.TLS_KEY_FILE:
            return _file(value)
        case Key.TLS_SERVER_NAME:
            return value
        case Key.TASKS_ADDRESS | Key.NOTIFY_ADDRESS:
            return _address(value)


def _one_of(allowed: Sequence[str], value: str, kind: str) -> str:
    if value not in allowed:
        raise UsageProblem(f"{value!r} is no {kind}: it is one of {', '.join(allowed)}")
    return value


def _file(value: str) -> str:
    path = Path(value).expanduser()
    if value and not path.is_file():
        raise UsageProblem(f"there is no file {value!r}")
    # Commands are run in other folders, too.
    return str(path.absolute()) if value else ""


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:  # noqa: PLR2004 - ports have 16 bits
        raise UsageProblem(f"{value!r} is no address: write HOST:PORT, such as 127.0.0.1:50051")
    return value
