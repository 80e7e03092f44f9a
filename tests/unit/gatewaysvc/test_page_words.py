"""The words of the page: both languages have them all, the page asks for no others, and none lies about unused."""

import re
from pathlib import Path
from typing import Final

import pytest

from chassis.errors import ServiceError

WEB: Final = Path(__file__).parents[3] / "gatewaysvc/web"
ENTRY: Final = re.compile(r"^  (?:'([\w.]+)'|(\w+)): (.+)$", re.MULTILINE)
CALL: Final = re.compile(r"\bt\(((?:[^()'`]|'[^']*'|`[^`]*`|\([^()]*\))*)")
LITERAL: Final = re.compile(r"(?:^|[?:] )'([\w.]+)'")
TEMPLATE: Final = re.compile(r"`([\w.]*\$\{[^}]*\}[\w.]*)`")
COMMENT: Final = re.compile(r"/\*[\s\S]*?\*/|^ *//.*| // .*", re.MULTILINE)
HOLE: Final = re.compile(r"\{\w+\}")


def words(language: str) -> dict[str, str]:
    return {quoted or plain: said for quoted, plain, said in ENTRY.findall((WEB / f"i18n/{language}.js").read_text())}


@pytest.fixture(scope="module")
def english() -> dict[str, str]:
    return words("en")


@pytest.fixture(scope="module")
def scripts() -> str:
    read = [path.read_text() for path in sorted(WEB.rglob("*.js")) if path.parent.name != "i18n"]
    return COMMENT.sub("", "\n".join(read))


def put_together(text: str) -> set[str]:
    """Keys of which a part is known only when the page runs, as patterns: `status.${task.status}`."""
    return {r"[\w.]+".join(map(re.escape, re.split(r"\$\{[^}]*\}", each))) for each in TEMPLATE.findall(text)}


def test_both_languages_have_words_for_the_same_things(english):
    russian = words("ru")
    assert list(english) == list(russian)
    assert len(english) > 200
    holes = {key: (set(HOLE.findall(english[key])), set(HOLE.findall(russian[key]))) for key in english}
    assert {key: both for key, both in holes.items() if both[0] != both[1]} == {}


def test_the_page_asks_for_words_that_there_are(english, scripts):
    calls = CALL.findall(scripts)
    asked = {literal for call in calls for literal in LITERAL.findall(TEMPLATE.sub("", call))}
    assert len(asked) > 100
    assert asked - english.keys() == set()
    patterns = set().union(*map(put_together, calls))
    assert len(patterns) > 10
    assert {pattern for pattern in patterns if not any(re.fullmatch(pattern, key) for key in english)} == set()


def test_no_words_are_left_over(english, scripts):
    told = {key for key in english for pattern in put_together(scripts) if re.fullmatch(pattern, key)}
    assert {key for key in english.keys() - told if f"'{key}'" not in scripts} == set()


def test_errors_have_words_by_reasons_that_there_are(english):
    told = {key.removeprefix("error.") for key in english if re.fullmatch(r"error\.[A-Z_]+", key)}
    assert told - {kind.reason for kind in ServiceError.kinds()} == set()
    assert "LOGIN_FAILED" in told
