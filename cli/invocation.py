"""One run of the command: its context, its output, its client; and how a function becomes a command of the tree.

`--output` and `--context` may stand before the command or after it, so each command has them beside its own options.
"""

import asyncio
import functools
import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec

import typer

from cli.config_file import ConfigFile, Context
from cli.failures import UsageProblem, reader_gone
from cli.output import Format, Output

if TYPE_CHECKING:
    from cli.client import Client

P = ParamSpec("P")

OUTPUT = typer.Option("--output", "-o", help="How to print answers.", show_default=False)
_VARIABLES: Final = {
    "tasks_address": "TASKBELL_TASKS_ADDRESS",
    "notify_address": "TASKBELL_NOTIFY_ADDRESS",
    "tls": "TASKBELL_TLS",
    "tls_ca_file": "TASKBELL_TLS_CA_FILE",
    "tls_cert_file": "TASKBELL_TLS_CERT_FILE",
    "tls_key_file": "TASKBELL_TLS_KEY_FILE",
    "tls_server_name": "TASKBELL_TLS_SERVER_NAME",
}
CONTEXT = typer.Option("--context", help="Which context of `taskbell config` to use.", show_default=False)


@dataclass(frozen=True)
class Before:
    """The options that stood before the command."""

    output: Format | None = None
    context: str | None = None


class Cli:
    """What a command works with. The client connects when it is first used."""

    def __init__(self, before: Before, *, output: Format | None, context: str | None) -> None:
        self.file = ConfigFile.of_user()
        self._context_asked = context or before.context or os.environ.get("TASKBELL_CONTEXT")
        self._output_asked = output or before.output or os.environ.get("TASKBELL_OUTPUT")
        self._client: Client | None = None

    @functools.cached_property
    def context_name(self) -> str:
        """The context that was asked for, or the one in use."""
        return self._context_asked or self.file.read().current

    @functools.cached_property
    def context(self) -> Context:
        """That context, with what the environment says instead."""
        context = self.file.read().context(self.context_name)
        for name, variable in _VARIABLES.items():
            setattr(context, name, os.environ.get(variable) or getattr(context, name))
        return context

    @functools.cached_property
    def output(self) -> Output:
        """Prints as asked on the command line, in the environment, or in the context."""
        asked = self._output_asked or self.file.read().context(self.context_name).output or Format.TABLE
        try:
            return Output(Format(asked))
        except ValueError:
            raise UsageProblem(f"{asked!r} is no output format: it is one of {', '.join(Format)}") from None

    @property
    def client(self) -> "Client":
        """Calls as TASKBELL_TOKEN, or else as who is logged in to the context."""
        if self._client is None:
            from cli.client import Client
            from cli.context_tls import context_tls
            from cli.credentials import FixedToken, StoredSession

            token = os.environ.get("TASKBELL_TOKEN")
            self._client = Client(
                tasks_address=self.context.tasks_address,
                notify_address=self.context.notify_address,
                tls=context_tls(self.context),
                credentials=FixedToken(token) if token else StoredSession(self.file, self.context_name),
            )
        return self._client

    async def close(self) -> None:
        """Ends what was opened."""
        if self._client is not None:
            await self._client.close()


def command(
    app: typer.Typer, name: str | None = None, **settings: Any
) -> Callable[[Callable[Concatenate[Cli, P], Awaitable[None]]], Callable[Concatenate[Cli, P], Awaitable[None]]]:
    """Makes `async def body(cli, ...)` a command of `app`; the other parameters are its arguments and options."""

    def register(
        body: Callable[Concatenate[Cli, P], Awaitable[None]],
    ) -> Callable[Concatenate[Cli, P], Awaitable[None]]:
        @functools.wraps(body)
        def invoke(ctx: typer.Context, output: Format | None, context: str | None, **arguments: Any) -> None:
            cli = Cli(ctx.find_root().obj or Before(), output=output, context=context)
            try:
                asyncio.run(_run(body, cli, arguments))
            except BrokenPipeError:
                # Typer would call it a failure.
                raise typer.Exit(reader_gone()) from None

        signature = _with_shared_options(inspect.signature(body, eval_str=True))
        invoke.__signature__ = signature  # type: ignore[attr-defined]  # typer reads it there
        invoke.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        app.command(name, **settings)(invoke)
        return body

    return register


async def _run(body: Callable[..., Awaitable[None]], cli: Cli, arguments: dict[str, Any]) -> None:
    try:
        await body(cli, **arguments)
    finally:
        await cli.close()


def _with_shared_options(signature: inspect.Signature) -> inspect.Signature:
    shared = (
        ("ctx", typer.Context, inspect.Parameter.empty),
        ("output", Annotated[Format | None, OUTPUT], None),
        ("context", Annotated[str | None, CONTEXT], None),
    )
    first, last = [
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for name, kind, default in part
        ]
        for part in (shared[:1], shared[1:])
    ]
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in list(signature.parameters.values())[1:]]
    return signature.replace(parameters=[*first, *own, *last], return_annotation=None)
