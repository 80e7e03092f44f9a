"""What people see of a worker: at a terminal what runs, live; elsewhere a line for each start and end."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.names import short
from cli.output import Output, console
from cli.views.text import one_line, safe
from cli.views.work_lines import details, line_of, note, record, said_line, told, word_for
from cli.work.happenings import Ended, Happening, Progressed, Started, Stopped
from cli.work.job import Job

_FRAME: Final = 0.25
_MOST_ROWS: Final = 20


class Show(Protocol):
    """Whom a worker tells."""

    def tell(self, happening: Happening, /) -> None:
        """What has happened."""

    def said(self, job: Job, line: str, /) -> None:
        """A line that a job has written to standard error."""

    async def beside(self, work: Coroutine[Any, Any, None], /) -> None:
        """Does the work, and shows it meanwhile."""


@contextmanager
def show_for(output: Output) -> "Iterator[Show]":
    """The one that fits what was asked for and where it is shown."""
    if not output.for_people:
        yield Records(output)
    elif not sys.stdout.isatty():
        yield Lines(output)
    else:
        with Live(console=console(), auto_refresh=False, transient=True) as live:
            yield Board(live)


class Records:
    """For programs: a record for each attempt that has ended; all else goes to standard error."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def tell(self, happening: Happening, /) -> None:
        """Prints it."""
        match happening:
            case Ended(job, outcome, seconds):
                self._output.plain({**record(job, word_for(outcome), seconds), **details(outcome)})
            case Stopped(job, seconds):
                self._output.plain(record(job, "stopped", seconds))
            case _:
                note(happening)

    def said(self, job: Job, line: str, /) -> None:
        """Passes it on."""
        sys.stderr.write(f"{short(job.task_id)}  {safe(line)}\n")

    async def beside(self, work: Coroutine[Any, Any, None], /) -> None:
        """Nothing more to be done."""
        await work


class Lines:
    """A line for each start and end, and for each line that a job writes."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def tell(self, happening: Happening, /) -> None:
        """Prints it."""
        if line := line_of(happening):
            self._output.draw(line)
        else:
            note(happening)

    def said(self, job: Job, line: str, /) -> None:
        """Prints it too."""
        self._output.draw(said_line(job, line))

    async def beside(self, work: Coroutine[Any, Any, None], /) -> None:
        """Nothing more to be done."""
        await work


class Board:
    """What runs, with bars; what has ended scrolls by above."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._running: dict[str, tuple[Job, float]] = {}
        self._reports: dict[str, tuple[int, str]] = {}
        self._ended: Counter[str] = Counter()
        self._state = "Connecting."

    def tell(self, happening: Happening, /) -> None:
        """Takes it in."""
        match happening:
            case Started(job):
                self._running[job.lease_id] = (job, time.monotonic())
            case Progressed(job, percent, message):
                self._reports[job.lease_id] = (percent, message)
            case Ended(job, outcome, _):
                self._ended[word_for(outcome)] += 1
                self._over(job, happening)
            case Stopped(job, _):
                self._ended["stopped"] += 1
                self._over(job, happening)
            case _:
                self._state = told(happening)

    def said(self, job: Job, line: str, /) -> None:
        """Shows it above."""
        self._live.console.print(said_line(job, line))

    async def beside(self, work: Coroutine[Any, Any, None], /) -> None:
        """Draws a few times a second."""
        drawing = asyncio.create_task(self._draw_on())
        try:
            await work
        finally:
            drawing.cancel()
            await asyncio.wait([drawing])
            self._live.update(Text(""), refresh=True)

    async def _draw_on(self) -> None:
        while True:
            self._live.update(self._drawn(), refresh=True)
            await asyncio.sleep(_FRAME)

    def _over(self, job: Job, happening: Ended | Stopped) -> None:
        self._running.pop(job.lease_id, None)
        self._reports.pop(job.lease_id, None)
        if line := line_of(happening):
            self._live.console.print(line)

    def _drawn(self) -> Group:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for width in (8, 20, 6, 8):
            table.add_column(width=width, no_wrap=True)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        now = time.monotonic()
        for job, began in [*self._running.values()][:_MOST_ROWS]:
            percent, message = self._reports.get(job.lease_id, (0, ""))
            bar = ProgressBar(total=100, completed=percent, width=20)
            title = Text(one_line(job.title))
            if message:
                title.append(f"  {one_line(message)}", style="dim")
            table.add_row(
                Text(short(job.task_id), style="dim"), bar, f"{percent:>4} %", f"{now - began:>6.0f} s", title
            )
        more = len(self._running) - _MOST_ROWS
        counted = ", ".join(f"{count:,} {word}" for word, count in self._ended.items())
        state = ["" if more <= 0 else f"and {more} more", f"{len(self._running)} running", counted, self._state]
        return Group(table, Text(" · ".join(part for part in state if part), style="dim"))
