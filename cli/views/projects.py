"""Projects and their members."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from cli.names import short
from cli.sdk import projects
from cli.views.text import clock, fields, listing, one_line, safe


class ProjectView:
    """Projects."""

    def card(self, project: projects.Project, /) -> Table:
        """All of a project."""
        return fields(
            [
                ("Id", project.id),
                ("Title", project.title),
                ("Your role", project.role.name),
                ("Personal", "yes" if project.personal else ""),
                ("Created", clock(project.create_time)),
                ("Changed", clock(project.update_time)),
                ("Deleted", clock(project.delete_time)),
                ("Description", project.description),
            ]
        )

    def table(self, shown: Sequence[projects.Project], /) -> Table:
        """A line a project."""
        table = listing("ID", "ROLE", "CREATED", "TITLE")
        for project in shown:
            title = one_line(project.title) + (" (personal)" if project.personal else "")
            table.add_row(
                Text(short(project.id), style="dim"), project.role.name, clock(project.create_time), Text(title)
            )
        return table


class MemberView:
    """Members of a project."""

    def card(self, member: projects.Member, /) -> Table:
        """One member."""
        return self.table([member])

    def table(self, members: Sequence[projects.Member], /) -> Table:
        """A line a member."""
        table = listing("USERNAME", "ROLE", "SINCE", "USER ID")
        for member in members:
            table.add_row(Text(safe(member.username)), member.role.name, clock(member.create_time), member.user_id)
        return table


class WebhookSecretView:
    """What a project's webhooks are signed with."""

    def card(self, secret: projects.WebhookSecret, /) -> Table:
        """It alone."""
        return fields([("Secret", secret.secret)])

    def table(self, secrets: Sequence[projects.WebhookSecret], /) -> Table:
        """A line each."""
        table = listing("SECRET")
        for each in secrets:
            table.add_row(each.secret)
        return table
