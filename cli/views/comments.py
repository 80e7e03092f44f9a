"""Comments."""

from collections.abc import Sequence

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from cli.names import short
from cli.people import People
from cli.sdk import comments
from cli.views.text import clock, safe


class CommentView:
    """Comments; the usernames must have been learned before."""

    def __init__(self, people: People) -> None:
        self._people = people

    def card(self, comment: comments.Comment, /) -> Group:
        """Who said it and when, and what."""
        head = Text.assemble(
            (short(comment.id), "dim"),
            "  ",
            (clock(comment.create_time), "dim"),
            "  ",
            (safe(self._people.name(comment.author_id)), "bold"),
        )
        if comment.update_time != comment.create_time:
            head.append(f"  (changed {clock(comment.update_time)})", style="dim")
        return Group(head, Padding(Text(safe(comment.text)), (0, 0, 0, 2)))

    def table(self, shown: Sequence[comments.Comment], /) -> Group:
        """One under the other."""
        return Group(*map(self.card, shown))
