"""The text around what was found, in pieces: put together again they are the text as it stands, whatever is in it."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from taskbell.tasks.v1.tasks_pb2 import Snippet

_WORD: Final = re.compile(r"\w+")
_BEFORE: Final = 60
_LENGTH: Final = 240


def words_of(texts: Iterable[str]) -> set[str]:
    """The words in the texts, in lower case."""
    return {word.lower() for text in texts for word in _WORD.findall(text)}


def snippet(title: str, description: str, hits: Collection[str]) -> Snippet:
    """The whole title, and the description around its first hit, or its beginning. `hits` are words in lower case."""
    return Snippet(
        title=_pieces(title, hits),
        description=_pieces(_part(description, hits), hits),
    )


def _pieces(text: str, hits: Collection[str]) -> Iterator[Snippet.Piece]:
    at = 0
    for word in _WORD.finditer(text):
        if word[0].lower() not in hits:
            continue
        if at < word.start():
            yield Snippet.Piece(text=text[at : word.start()])
        yield Snippet.Piece(text=word[0], hit=True)
        at = word.end()
    if at < len(text):
        yield Snippet.Piece(text=text[at:])


def _part(text: str, hits: Collection[str]) -> str:
    """Some 240 characters, cut between words where there are any."""
    if len(text) <= _LENGTH:
        return text
    first = next((word.start() for word in _WORD.finditer(text) if word[0].lower() in hits), 0)
    begin = max(0, first - _BEFORE)
    if begin:
        space = text.find(" ", begin, first)
        begin = space + 1 if space >= 0 else begin
    end = min(len(text), begin + _LENGTH)
    if end < len(text):
        space = text.rfind(" ", first, end)
        end = space if space > first else end
    return text[begin:end]
