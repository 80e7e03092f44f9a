"""What a person is told."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.sdk import notifications
from cli.views.text import fields, listing


class PreferencesView:
    """One person's preferences."""

    def card(self, said: notifications.Preferences, /) -> Group:
        """All of them."""
        quiet, digest = said.quiet_hours, said.digest
        at = f", at {said.digest_hour}:00" if digest == notifications.PreferencesDigest.DAILY else ""
        return Group(
            fields(
                [
                    ("Time zone", said.time_zone),
                    ("Language", said.language),
                    ("Quiet hours", f"{quiet.start}-{quiet.end}" if quiet else "none"),
                    ("Digest", f"{digest.name.lower()}{at}"),
                ]
            ),
            Text(),
            self.table([said]),
        )

    def table(self, shown: Sequence[notifications.Preferences], /) -> Table:
        """A line a reason."""
        table = listing("REASON", "INBOX", "MAIL")
        for said in shown:
            for rule in said.rules:
                table.add_row(rule.reason.name.lower(), "on" if rule.inbox else "off", rule.email.name.lower())
        return table
