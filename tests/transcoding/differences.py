"""The list of differences from Envoy in docs/gateway.md; `python -m tests.transcoding.differences` writes it anew."""

from pathlib import Path
from typing import Final

from tests.transcoding.cases import Case, Expected, cases

PAGE: Final = Path(__file__).parents[2] / "docs" / "gateway.md"
_BEGIN: Final = "<!-- differences -->\n"
_END: Final = "<!-- /differences -->\n"


def table() -> str:
    """The list, as Markdown."""
    rows = ["| rule | for example | here | Envoy | why |", "| --- | --- | --- | --- | --- |"]
    for case in cases():
        if case.differs:
            here, theirs = _outcome(case.ours), _outcome(case.envoy)
            rows.append(f"| {case.rule} | {_example(case)} | {here} | {theirs} | {case.because} |")
    return "\n".join(rows) + "\n"


def rewritten(page: str) -> str:
    """The page with the list as it is now."""
    before, rest = page.split(_BEGIN)
    after = rest.split(_END)[1]
    return f"{before}{_BEGIN}{table()}{_END}{after}"


def _example(case: Case) -> str:
    body = f" {case.body}" if case.body else ""
    return _code(f"{case.method} {case.target}{body}")


def _outcome(expected: Expected) -> str:
    if expected.status != 200:
        return f"{expected.status} {_code(expected.reason)}" if expected.reason else str(expected.status)
    if expected.whole:
        return _code(expected.whole)
    if expected.calls:
        return f"{_code(expected.calls)} {_code('{ ' + expected.request + ' }' if expected.request else '{}')}"
    return str(expected.status)


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
