"""The figures, as a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    path: str
    what: str
    figure: float
    unit: str
    ratio: float | None = None
    """To the floor or the peer in the same run."""
    aim: float | None = None
    note: str = ""


def show(rows: Iterable[Row]) -> None:
    """Prints them."""
    table = Table("path", "what", "figure", "ratio", "aim", "")
    for column in table.columns[2:5]:
        column.justify = "right"
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        aim = "" if row.aim is None else f"{row.aim:g}"
        table.add_row(
            row.path, row.what, f"{row.figure:,.{0 if row.figure >= 100 else 1}f} {row.unit}", ratio, aim, row.note
        )
    Console(width=130).print(table)
