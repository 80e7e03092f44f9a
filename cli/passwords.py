"""`taskbell password`: a new password for somebody who can't log in."""

from typing import Annotated

import typer

from cli import sdk
from cli.accounts import Link, Password, PasswordStdin, ask, new_password, token_of
from cli.invocation import Cli, command

app = typer.Typer(help="A new password, by a link that is mailed.", no_args_is_help=True)


@command(app)
async def reset(cli: Cli, email: Annotated[str, typer.Argument(help="The address that you registered with.")]) -> None:
    """Has a link mailed for setting a new password; it works for an hour."""
    await cli.client.accounts.request_password_reset(sdk.accounts.RequestPasswordResetRequest(email=email))
    cli.output.done(f"If {email} is the address of a user, a link is on its way there.")


@command(app, "set")
async def set_(cli: Cli, link: Link = None, password: Password = None, password_stdin: PasswordStdin = False) -> None:
    """Sets a new password with the link from the mail, and ends all sessions."""
    token = token_of(link or ask("Link", "LINK"))
    secret = new_password(password, from_stdin=password_stdin)
    request = sdk.accounts.ResetPasswordRequest(token=token, password=secret)
    answer = await cli.client.accounts.reset_password(request)
    cli.output.done(f"The password is set, and {answer.ended_sessions} session(s) have ended: log in again.")
