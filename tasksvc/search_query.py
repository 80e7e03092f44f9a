"""What a search asks for, read as web searches are: words, "a phrase", or, -without."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from chassis.errors import InvalidField

MOST_WORDS: Final = 32
_TOKEN: Final = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_WORD: Final = re.compile(r"\w+")
_ERRORS: Final = {range(4, 6): 1, range(6, 10): 2, range(10, 41): 3}
"""By length. Shorter words are too much like too many others, longer ones are none."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word, as somebody began to type it, or a phrase."""

    text: str
    phrase: bool

    @property
    def lexemes(self) -> str:
        """For to_tsquery: what is to be found; of a word also longer ones that begin so."""
        words = _WORD.findall(self.text)
        return " <-> ".join(map(_quoted, words)) if self.phrase else " & ".join(f"{_quoted(word)}:*" for word in words)

    @property
    def errors(self) -> int:
        """How many letters may be wrong, missing or too many; 0 means that no other words are meant."""
        if self.phrase or not _WORD.fullmatch(self.text):
            return 0
        return next((errors for lengths, errors in _ERRORS.items() if len(self.text) in lengths), 0)

    @property
    def corrections(self) -> str:
        """For to_tsquery: with two neighbours swapped, and with a letter left out."""
        text = self.text
        swapped = (text[:at] + b + a + text[at + 2 :] for at, (a, b) in enumerate(pairwise(text)))
        shorter = (text[:at] + text[at + 1 :] for at in range(len(text)))
        return " | ".join(map(_quoted, dict.fromkeys([*swapped, *shorter])))


@dataclass(frozen=True, slots=True)
class Alternative:
    """All of its terms, and none of the unwanted."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """One of the alternatives."""

    text: str
    alternatives: tuple[Alternative, ...]

    @property
    def wanted(self) -> list[Term]:
        """The terms of all alternatives."""
        return [term for alternative in self.alternatives for term in alternative.wanted]


def read_query(text: str) -> SearchQuery:
    """The query; nothing is wrong in it but that it may have too many words. Raises InvalidField."""
    if "\0" in text:
        raise InvalidField.named("query", text, "must not contain the character U+0000")
    text = text.lower().replace("ё", "е")  # noqa: RUF001  # as the index has them
    alternatives: list[Alternative] = []
    wanted: list[Term] = []
    unwanted: list[Term] = []
    count = 0
    for minus, phrase, word in _TOKEN.findall(text):
        if word == "or" and not minus:
            alternatives.append(Alternative(tuple(wanted), tuple(unwanted)))
            wanted, unwanted = [], []
            continue
        term = Term(phrase or word, phrase=bool(phrase))
        found = len(_WORD.findall(term.text))
        if found:
            (unwanted if minus else wanted).append(term)
        count += found
    alternatives.append(Alternative(tuple(wanted), tuple(unwanted)))
    if count > MOST_WORDS:
        raise InvalidField.named("query", text, f"has {count} words; at most {MOST_WORDS} can be searched for")
    return SearchQuery(text, tuple(each for each in alternatives if each.wanted or each.unwanted))


def _quoted(word: str) -> str:
    # Word characters only: nothing to escape.
    return f"'{word}'"
