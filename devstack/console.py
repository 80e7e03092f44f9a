"""One readable log of several processes: follows their files, and writes JSON lines as people read them."""

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

POLL: Final = 0.1
LARGEST: Final = 32 * 1024 * 1024
"""Bytes that a log may grow to before it is put aside and begun anew."""
FOLLOWED: Final = ("tasksvc-*.log", "notifysvc-*.log", "gatewaysvc-*.log", "mail.log")
"""The servers' own logs are for reading when one looks for them."""
COLOURS: Final = (36, 32, 35, 34, 33, 96, 92, 95)
WARNINGS: Final = {"warning": 33, "error": 31, "critical": 31}
TAKEN: Final = {"timestamp", "level", "event", "service", "exception"}
"""What has its own place in a line."""


@dataclass(slots=True)
class Console:
    """Where the developer looks."""

    folder: Path
    out: TextIO = field(default_factory=lambda: sys.stdout)
    coloured: bool = False
    _offsets: dict[Path, int] = field(default_factory=dict)
    _names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for log in self._logs():
            self._offsets[log] = log.stat().st_size  # what was said before is not repeated

    def say(self, text: str) -> None:
        """A word of our own."""
        print(text, file=self.out, flush=True)

    async def follow(self) -> None:
        """Shows what the services write, until cancelled."""
        while True:
            self.catch_up()
            await asyncio.sleep(POLL)

    def catch_up(self) -> None:
        """Shows what they have written so far."""
        for log in self._logs():
            for line in self._new_lines(log):
                self.say(self.render(log.stem, line))
        for log in self.folder.glob("*.log"):
            if log.stat().st_size > LARGEST:
                self._put_aside(log)

    def render(self, name: str, line: str) -> str:
        """A line of a process: time, process, what happened, and the rest as key=value."""
        if name not in self._names:
            self._names.append(name)
        prefix = self._colour(f"{name:<12}", COLOURS[self._names.index(name) % len(COLOURS)])
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            return f"{prefix} {line}"
        level = str(entry.get("level", "info"))
        words = [
            self._colour(_clock(entry), 2),
            prefix,
            *([self._colour(level.upper(), WARNINGS[level])] if level in WARNINGS else []),
            str(entry.get("event", "")),
            *(self._colour(f"{key}=", 2) + _plain(value) for key, value in entry.items() if key not in TAKEN),
        ]
        trace = str(entry.get("exception", ""))
        return " ".join(words) + "".join(f"\n    {each}" for each in trace.splitlines())

    def _logs(self) -> list[Path]:
        return sorted(log for pattern in FOLLOWED for log in self.folder.glob(pattern))

    def _new_lines(self, log: Path) -> list[str]:
        with log.open("rb") as file:
            file.seek(self._offsets.get(log, 0))
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offsets[log] = self._offsets.get(log, 0) + len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()

    def _put_aside(self, log: Path) -> None:
        # The writer keeps its file, so it is copied and cut, not renamed. A line written in between is lost.
        shutil.copyfile(log, log.with_suffix(".log.1"))
        with log.open("r+b") as file:
            file.truncate(0)
        self._offsets[log] = 0

    def _colour(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured else text


def _clock(entry: Mapping[str, Any]) -> str:
    try:
        moment = datetime.fromisoformat(str(entry.get("timestamp")))
    except ValueError:
        return "--:--:--.---"
    return moment.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _plain(value: object) -> str:
    """As it would be typed: quoted only where the eye could not tell where it ends."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return (
        text
        if text and not any(each.isspace() or each in '"=' for each in text)
        else json.dumps(text, ensure_ascii=False)
    )
