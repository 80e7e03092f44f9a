"""Texts and tables for a terminal; nothing in them that others wrote can steer it."""

import re
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from rich.table import Table
from rich.text import Text

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def safe(text: str) -> str:
    """A text that others wrote, with nothing in it that steers a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The same on one line."""
    return safe(" ".join(text.split()))


def clock(time: datetime | None, *, seconds: bool = False) -> str:
    """A time on the wall clock of this machine."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M") if time else ""


def length(time: timedelta | None) -> str:
    """How long, in the two largest units that it takes."""
    if time is None:
        return ""
    seconds = time.total_seconds()
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{round(seconds, 1):g} s"
    parts, rest = [], round(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number:,} {unit}")
    return " ".join(parts[:2])


def listing(*headers: str) -> Table:
    """An empty table without lines. On a screen TITLE takes the room that is left, and is cut where it ends."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=sys.stdout.isatty())
    for header in headers:
        if header == "TITLE":
            table.add_column(header, ratio=1, overflow="ellipsis", no_wrap=True)
        else:
            table.add_column(header, overflow="fold", no_wrap=header not in {"LABELS", "FIELDS", "SCOPES"})
    return table


def fields(pairs: Iterable[tuple[str, str | Text | None]]) -> Table:
    """A card: names on the left, values on the right; what is empty is left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            grid.add_row(name, value if isinstance(value, Text) else Text(safe(value)))
    return grid
