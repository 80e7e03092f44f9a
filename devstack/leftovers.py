"""Children of a stack that was killed: they die with it, and what is left of them is found here and ended."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

GRACE: Final = 10.0
"""Seconds that a leftover may take to stop by itself, so that it can leave its files in order."""


def remember(folder: Path, name: str, pid: int) -> None:
    """Notes a child; its start time tells it from a later process with the same id."""
    if (started := _start_time(pid)) is not None:
        (folder / "run" / name).write_text(f"{pid} {started}\n", encoding="ascii")


def reap(folder: Path) -> list[str]:
    """Ends what an earlier stack left running on this data folder, and clears its notes; names them."""
    found = dict(_noted(folder))
    # PostgreSQL takes SIGTERM for "when the last client has gone".
    _end([pid for name, pid in found.items() if name == "postgres"], signal.SIGINT)
    _end([pid for name, pid in found.items() if name != "postgres"], signal.SIGTERM)
    postgres = folder / "postgres"
    # A killed postmaster leaves backends that may still write; a new one must not start beside them.
    backends = list(_postgres_in(postgres))
    _end(backends, signal.SIGQUIT)
    # None is left, so the file only misleads: its process id may by now be anybody's.
    (postgres / "postmaster.pid").unlink(missing_ok=True)
    for note in (folder / "run").iterdir():
        note.unlink()
    return [*found, *(f"a PostgreSQL backend ({pid})" for pid in backends)]


def _noted(folder: Path) -> Iterator[tuple[str, int]]:
    for note in sorted((folder / "run").iterdir()):
        words = note.read_text(encoding="ascii", errors="replace").split()
        if len(words) == 2 and words[0].isdecimal() and _start_time(int(words[0])) == words[1]:  # noqa: PLR2004 - pid, time
            yield note.name, int(words[0])


def _postgres_in(data: Path) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                if (process / "cwd").readlink() == data and (process / "exe").readlink().name == "postgres":
                    yield int(process.name)
            except OSError:  # somebody else's, or gone
                continue


def _end(pids: list[int], number: signal.Signals) -> None:
    for each in (signal.SIGCONT, number):  # a frozen one hears nothing else
        _signal(pids, each)
    if not _wait(lambda: any(_start_time(pid) for pid in pids), GRACE):
        _signal(pids, signal.SIGKILL)
        _wait(lambda: any(_start_time(pid) for pid in pids), GRACE)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _wait(busy: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while busy():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _start_time(pid: int) -> str | None:
    """When the process started, in the kernel's ticks; None when it is gone or only waits to be buried."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in "ZX" else words[19]
