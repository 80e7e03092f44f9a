"""What of a Markdown text is code: fenced blocks, and spans within a line, as the page shows them."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Final

# It may stand in a list or a quote. A fence of backticks has none after it: those would be a span.
_FENCE: Final = re.compile(r"(?P<before>[\s>]*)(?P<fence>`{3,}(?=[^`]*$)|~{3,})")
_QUOTED: Final = re.compile(r"[\s>]*")
_RUN: Final = re.compile(r"`+")
_TOKEN: Final = re.compile(r"\\.|`+")


def without_code(text: str) -> str:
    """The text with a space instead of each piece of code."""
    if "`" not in text and "~~~" not in text:
        return text
    return "\n".join(map(_without_spans, _without_blocks(text.splitlines())))


def _without_blocks(lines: Iterable[str]) -> Iterator[str]:
    """A block that nothing closes ends with the quote that it is in, or with the text."""
    closing, quotes = "", 0
    for line in lines:
        fence = _FENCE.match(line)
        if closing and _QUOTED.match(line)[0].count(">") < quotes:  # type: ignore[index]  # it matches everywhere
            closing = ""
        if closing:
            yield ""
            if fence and fence["fence"].startswith(closing) and not line[fence.end() :].strip():
                closing = ""
        elif fence:
            yield ""
            closing, quotes = fence["fence"], fence["before"].count(">")
        else:
            yield line


def _without_spans(line: str) -> str:
    """A span ends with as many backticks as it began with; one after a backslash begins none."""
    runs: dict[int, deque[int]] = defaultdict(deque)
    for run in _RUN.finditer(line):
        runs[len(run[0])].append(run.start())
    kept, at = [], 0
    while token := _TOKEN.search(line, at):
        kept.append(line[at : token.start()])
        begin, at = token.span()
        same = runs[at - begin] if token[0] != "\\`" else deque()
        while same and same[0] < at:
            same.popleft()
        if line[begin] == "`" and same:
            kept.append(" ")
            at = same[0] + at - begin
        else:
            kept.append(token[0])
    return "".join(kept) + line[at:]
