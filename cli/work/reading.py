"""What a command writes, read without keeping more of it than is wanted."""

import re
from asyncio import StreamReader
from collections.abc import AsyncIterator
from typing import Final

_CHUNK: Final = 64 * 1024
_LONGEST_LINE: Final = 8 * 1024
_REPORT: Final = re.compile(rb"(TASKBELL_PROGRESS[ \t]+)?(\d{1,3})(?:\.\d*)?[ \t]*%?(?:[ \t]+(.*))?")


class Tail:
    """The last bytes of a text, `limit` at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.cut = False
        """Whether it was longer."""

    def add(self, more: bytes) -> None:
        """Takes in what follows."""
        self._kept += more
        if len(self._kept) > self._limit:
            self.cut = True
            del self._kept[: -self._limit]

    def text(self) -> str:
        """It without the line ends at its end, and from its first whole character on."""
        kept = bytes(self._kept).rstrip(b"\r\n")
        if self.cut:
            kept = kept.lstrip(bytes(range(0x80, 0xC0)))
        return kept.decode(errors="replace")

    async def fill(self, stream: StreamReader) -> None:
        """Takes in all of the stream."""
        while chunk := await stream.read(_CHUNK):
            self.add(chunk)


async def lines(stream: StreamReader) -> AsyncIterator[bytes]:
    """Its lines without their ends; a very long one comes in pieces."""
    rest = b""
    while chunk := await stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r")
        while len(rest) > _LONGEST_LINE:
            yield rest[:_LONGEST_LINE]
            rest = rest[_LONGEST_LINE:]
    if rest:
        yield rest


def progress_of(line: bytes, *, marked: bool) -> tuple[int, str] | None:
    """Percent and message of a line such as `TASKBELL_PROGRESS 40 resizing`; the first word is needed if `marked`."""
    report = _REPORT.fullmatch(line.strip())
    if report is None or (marked and not report[1]) or int(report[2]) > 100:  # noqa: PLR2004 - percent
        return None
    return int(report[2]), (report[3] or b"").decode(errors="replace")
