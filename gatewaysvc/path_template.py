"""Path templates of `google.api.http`: `/v1/projects/{project_id}/members`, `/v1/tasks/{id}:start`, `/v1/{name=x/**}`.

Template = "/" Segments [ Verb ] ;             Segment  = "*" | "**" | LITERAL | Variable ;
Variable = "{" FieldPath [ "=" Segments ] "}" ; Verb     = ":" LITERAL ;
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

ONE: Final = "*"
"""Matches one segment that isn't empty."""
REST: Final = "**"
"""Matches the rest of the path, also nothing."""

_TOKEN: Final = re.compile(r"\*\*|\*|[{}=/:]|[A-Za-z0-9_.~%-]+")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SIGNS: Final = frozenset(("", "{", "}", "=", "/", ":", ONE, REST))
_SLASH: Final = re.compile("(%2f)", re.IGNORECASE)


class BadTemplate(ValueError):
    """A template that breaks the grammar: the service must not start with it."""


class BadEscape(ValueError):
    """A path whose percent-encoding isn't UTF-8."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of the path that is a field of the request."""

    field_path: tuple[str, ...]
    start: int
    """Its first segment."""
    end: int
    """Behind its last segment; for `**`, the end of the path."""
    rest: bool
    """Whether it ends with `**`: slashes belong to the value then."""

    def value(self, segments: Sequence[str]) -> str:
        """What the path says, decoded. With `**` an encoded slash stays encoded: it is no separator."""
        if not self.rest and self.end - self.start == 1:
            return decoded(segments[self.start])
        parts = segments[self.start :] if self.rest else segments[self.start : self.end]
        kept = [_SLASH.split(part) for part in parts]
        return "/".join("".join(p if _SLASH.fullmatch(p) else decoded(p) for p in part) for part in kept)


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A template taken apart."""

    text: str
    segments: tuple[str, ...]
    """Literals, `*` and, at the end, `**`."""
    variables: tuple[Variable, ...]
    verb: str


def decoded(segment: str) -> str:
    """A segment without its percent-encoding."""
    if "%" not in segment:
        return segment
    if _BAD_ESCAPE.search(segment):
        raise BadEscape(segment)
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise BadEscape(segment) from error


def parse(text: str) -> PathTemplate:
    """The template, or BadTemplate."""
    return _Parser(text).template()


class _Parser:
    """One pass over the tokens, by the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != text:
            raise self._bad("has characters that no template has")
        self._at = 0
        self._segments: list[str] = []
        self._variables: list[Variable] = []

    def template(self) -> PathTemplate:
        self._take("/")
        self._read_segments(inside=False)
        verb = ""
        if self._next() == ":":
            self._take(":")
            verb = self._literal()
        if self._next():
            raise self._bad(f"goes on with {self._next()!r}")
        if REST in self._segments[:-1]:
            raise self._bad("has a ** that isn't last")
        return PathTemplate(self._text, tuple(self._segments), tuple(self._variables), verb)

    def _read_segments(self, *, inside: bool) -> None:
        self._segment(inside=inside)
        while self._next() == "/":
            self._take("/")
            self._segment(inside=inside)

    def _segment(self, *, inside: bool) -> None:
        sign = self._next()
        if sign == "{":
            if inside:
                raise self._bad("has a variable in a variable")
            self._variable()
        elif sign in (ONE, REST):
            self._segments.append(self._take(sign))
        else:
            self._segments.append(self._literal())

    def _variable(self) -> None:
        self._take("{")
        field_path = tuple(self._literal().split("."))
        start = len(self._segments)
        if self._next() == "=":
            self._take("=")
            self._read_segments(inside=True)
        else:
            self._segments.append(ONE)
        self._take("}")
        end = len(self._segments)
        self._variables.append(Variable(field_path, start, end, rest=self._segments[-1] == REST))

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, token: str) -> str:
        if self._next() != token:
            raise self._bad(f"has {self._next()!r} where {token!r} belongs")
        self._at += 1
        return token

    def _literal(self) -> str:
        token = self._next()
        if token in _SIGNS:
            raise self._bad(f"has {token!r} where a name belongs")
        self._at += 1
        return token

    def _bad(self, problem: str) -> BadTemplate:
        return BadTemplate(f"The path template {self._text!r} {problem}.")
