"""`taskbell register`, `login`, `logout`, `whoami`, `confirm`."""

import sys
from typing import Annotated

import typer

from cli import sdk
from cli.failures import UsageProblem
from cli.invocation import Cli, command

app = typer.Typer()

Username = Annotated[str, typer.Argument(help="3 to 32 of a-z 0-9 _ . -")]
Password = Annotated[
    str | None,
    typer.Option("--password", "-p", help="Asked for when not given. Others on this machine may see it here."),
]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Link = Annotated[str | None, typer.Argument(help="The link from the mail, or the token at its end.")]


@command(app)
async def register(
    cli: Cli,
    username: Username,
    email: Annotated[
        str | None, typer.Option("--email", "-e", help="Where notifications go. Asked for when not given.")
    ] = None,
    password: Password = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Registers a user, and logs in as that user."""
    email = email or ask("E-mail", "--email")
    secret = new_password(password, from_stdin=password_stdin)
    request = sdk.accounts.RegisterUserRequest(username=username, email=email, password=secret)
    await cli.client.accounts.register_user(request)
    await _log_in(cli, username, secret)


@command(app)
async def login(
    cli: Cli,
    username: Annotated[
        str | None, typer.Argument(help="The username or the e-mail address; that of the last log-in if left out.")
    ] = None,
    password: Password = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Logs in; the session is kept in the configuration file until `taskbell logout`."""
    last = cli.context.session.username if cli.context.session else ""
    name = username or last or ask("Username", "USERNAME")
    await _log_in(cli, name, _password(password, from_stdin=password_stdin))


@command(app)
async def logout(cli: Cli) -> None:
    """Ends the session, here and on the server."""
    from grpc import StatusCode

    from chassis.errors import ServiceError

    if cli.context.session is None:
        raise UsageProblem(f"nobody is logged in to the context {cli.context_name!r}")
    try:
        await cli.client.accounts.log_out(sdk.accounts.LogOutRequest())
    except ServiceError as error:
        # A session that the server has ended already is what was asked for.
        if error.code is not StatusCode.UNAUTHENTICATED:
            raise
    async with cli.file.change() as config:
        config.context(cli.context_name).session = None
    cli.output.done(f"Logged out of {cli.context_name}.")


@command(app)
async def whoami(cli: Cli) -> None:
    """Shows who you are to the server."""
    from cli.names import me
    from cli.views.accounts import UserView

    cli.output.item(await me(cli.client), UserView())


@command(app)
async def confirm(cli: Cli, link: Link = None) -> None:
    """Confirms your e-mail address with the link from the mail; without one, has that mail sent."""
    if link:
        await cli.client.accounts.confirm_email(sdk.accounts.ConfirmEmailRequest(token=token_of(link)))
        cli.output.done("The address is confirmed.")
        return
    from cli.names import me

    user = await me(cli.client)
    if user.email_confirm_time is not None:
        cli.output.done(f"{user.email} is confirmed already.")
        return
    await cli.client.accounts.send_confirmation(sdk.accounts.SendConfirmationRequest())
    cli.output.done(f"A link is on its way to {user.email}.")


async def _log_in(cli: Cli, username: str, password: str) -> None:
    from cli.credentials import session_of
    from cli.views.accounts import UserView

    answer = await cli.client.accounts.log_in(sdk.accounts.LogInRequest(username=username, password=password))
    async with cli.file.change() as config:
        config.context(cli.context_name).session = session_of(answer)
    if answer.user is not None:
        cli.output.item(answer.user, UserView())


def new_password(given: str | None, *, from_stdin: bool) -> str:
    """One that nobody knows yet; who types it, types it twice."""
    return _password(given, from_stdin=from_stdin, twice=True)


def token_of(link: str) -> str:
    """What is at the end of a mailed link; or that end itself."""
    return link.strip().rpartition("token=")[2]


def _password(given: str | None, *, from_stdin: bool, twice: bool = False) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return given or ask("Password", "--password-stdin", hidden=True, twice=twice)


def ask(what: str, instead: str, *, hidden: bool = False, twice: bool = False) -> str:
    """Asks at the terminal. Raises UsageProblem where there is none, and says what to give instead."""
    if not sys.stdin.isatty():
        raise UsageProblem(f"{what.lower()} is missing, and there is no terminal to ask at: give {instead}")
    answer: str = typer.prompt(what, hide_input=hidden, confirmation_prompt=twice, err=True)
    return answer
