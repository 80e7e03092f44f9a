"""Users and API tokens."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from cli.names import short
from cli.sdk import accounts
from cli.views.text import clock, fields, listing, one_line, safe


class UserView:
    """Users."""

    def card(self, user: accounts.User, /) -> Table:
        """Who somebody is."""
        return fields(
            [
                ("Username", user.username),
                ("E-mail", user.email),
                ("", "" if user.email_confirm_time or not user.email else "It isn't confirmed: taskbell confirm"),
                ("Id", user.id),
                ("Personal project", user.personal_project_id),
                ("Registered", clock(user.create_time)),
            ]
        )

    def table(self, users: Sequence[accounts.User], /) -> Table:
        """A line a user."""
        table = listing("ID", "USERNAME")
        for user in users:
            table.add_row(short(user.id), Text(safe(user.username)))
        return table


class TokenView:
    """API tokens."""

    def card(self, token: accounts.Token, /) -> Table:
        """A new token, with its secret."""
        return fields(
            [
                ("Name", token.name),
                ("Id", token.id),
                ("Scopes", " ".join(token.scopes)),
                ("Expires", clock(token.expire_time) or "never"),
                ("Token", token.secret),
                ("", "It isn't shown again: keep it now." if token.secret else ""),
            ]
        )

    def table(self, tokens: Sequence[accounts.Token], /) -> Table:
        """A line a token."""
        table = listing("ID", "NAME", "EXPIRES", "CREATED", "SCOPES")
        for token in tokens:
            table.add_row(
                Text(short(token.id), style="dim"),
                Text(one_line(token.name)),
                clock(token.expire_time) or "never",
                clock(token.create_time),
                " ".join(token.scopes),
            )
        return table
