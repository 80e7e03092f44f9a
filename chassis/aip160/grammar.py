"""The grammar of AIP-160, read by recursive descent: one method a rule.

    expression: sequence {AND sequence}        sequence: factor {factor}       factor: term {OR term}
    term: [NOT | -] simple                     simple: restriction | ( expression )
    restriction: name comparator argument | word                               argument: value | ( values )

So OR binds tighter than AND, and things side by side are ANDed. Functions are not known.
"""

import re
from collections.abc import Callable
from typing import Final

from chassis.aip160.fields import Fields
from chassis.aip160.nodes import And, Node, Not, Or
from chassis.aip160.restrictions import Literal, Unfit, restriction, word
from chassis.errors import FieldViolation, InvalidFilter

MOST_CHARACTERS: Final = 4096
MOST_TERMS: Final = 128
DEEPEST: Final = 32

_SPACE: Final = re.compile(r"\s*")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL)
_TEXT: Final = re.compile(r"""[^\s()<>=!:,"'][^\s()<>=!:,"]*""")
_KEYWORD: Final = re.compile(r"""(AND|OR|NOT)(?=[\s()"'-]|$)""")
_COMPARATOR: Final = re.compile(r"<=|>=|!=|[<>=:]")
# Unquoted, its colons would be comparators.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt][\d:.]+(?:[Zz]|[+-][\d:]+)?")


def parse(text: str, fields: Fields, me: str = "") -> Node:
    """What the filter says of these fields; `me` is the id that this word stands for. Raises InvalidFilter only."""
    return _Parser(text, fields, me).filter()


class _Parser:
    """One reading of one filter."""

    def __init__(self, text: str, fields: Fields, me: str) -> None:
        self._text = text
        self._fields = fields
        self._me = me
        self._at = 0
        self._depth = 0
        self._terms = 0

    def filter(self) -> Node:
        if len(self._text) > MOST_CHARACTERS:
            raise self._refusal(f"is longer than {MOST_CHARACTERS} characters", MOST_CHARACTERS)
        if "\0" in self._text:
            raise self._refusal("contains a NUL character", self._text.index("\0"))
        self._skip()
        if self._at == len(self._text):
            return And(())
        found = self._expression(self._term)
        if self._at < len(self._text):
            raise self._refusal(f"{self._text[self._at]!r} is not expected here")
        return found

    def _expression(self, term: Callable[[], Node]) -> Node:
        parts = [self._sequence(term)]
        while self._keyword("AND"):
            parts.append(self._sequence(term))
        return _joined(And, parts)

    def _sequence(self, term: Callable[[], Node]) -> Node:
        parts = [self._factor(term)]
        while self._at < len(self._text) and self._text[self._at] != ")" and not self._sees("AND"):
            parts.append(self._factor(term))
        return _joined(And, parts)

    def _factor(self, term: Callable[[], Node]) -> Node:
        parts = [term()]
        while self._keyword("OR"):
            parts.append(term())
        return _joined(Or, parts)

    def _term(self) -> Node:
        if self._keyword("NOT"):
            return Not(self._simple())
        if self._text.startswith("-", self._at):
            self._at += 1
            if self._at == len(self._text) or self._text[self._at].isspace():
                raise self._refusal("'-' stands right before what it negates", self._at - 1)
            return Not(self._simple())
        return self._simple()

    def _simple(self) -> Node:
        self._count()
        if self._text.startswith("(", self._at):
            return self._nested(self._term)
        literal = self._literal(_TEXT)
        if self._text.startswith("(", self._at) and not literal.quoted:
            raise self._refusal("functions are not known here")
        self._skip()
        if comparator := _COMPARATOR.match(self._text, self._at):
            self._at = comparator.end()
            self._skip()
            return self._argument(literal, comparator[0])
        try:
            return word(self._fields, literal)
        except Unfit as problem:
            raise self._refusal(str(problem), problem.at) from None

    def _argument(self, name: Literal, comparator: str) -> Node:
        """`labels:(home OR work)` is short for `labels:home OR labels:work`."""

        def value() -> Node:
            if self._text.startswith("(", self._at):
                if comparator not in {":", "="}:
                    raise self._refusal(f"{comparator!r} takes one value, not several in parentheses")
                return self._nested(value)
            self._count()
            literal = self._literal(_TIME, _TEXT)
            self._skip()
            try:
                return restriction(self._fields, name, comparator, literal, self._me)
            except Unfit as problem:
                raise self._refusal(str(problem), problem.at) from None

        return value()

    def _nested(self, term: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._refusal(f"is nested deeper than {DEEPEST}")
        opened = self._at
        self._at += 1
        self._skip()
        found = self._expression(term)
        if not self._text.startswith(")", self._at):
            raise self._refusal("'(' is not closed", opened)
        self._at += 1
        self._skip()
        self._depth -= 1
        return found

    def _literal(self, *forms: re.Pattern[str]) -> Literal:
        at = self._at
        if self._sees("AND", "OR", "NOT"):
            raise self._refusal("a keyword stands where a word or a restriction is expected")
        if quoted := _STRING.match(self._text, at):
            self._at = quoted.end()
            return Literal(quoted[0][1:-1], at, quoted=True)
        for form in forms:
            if found := form.match(self._text, at):
                self._at = found.end()
                return Literal(found[0], at, quoted=False)
        if at == len(self._text):
            raise self._refusal("ends where a word or a value is expected")
        if self._text[at] in "\"'":
            raise self._refusal("the quotation mark is not closed")
        raise self._refusal(f"{self._text[at]!r} stands where a word or a value is expected")

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise self._refusal(f"has more than {MOST_TERMS} terms")

    def _sees(self, *keywords: str) -> bool:
        found = _KEYWORD.match(self._text, self._at)
        return found is not None and found[1] in keywords

    def _keyword(self, keyword: str) -> bool:
        self._skip()
        if not self._sees(keyword):
            return False
        self._at += len(keyword)
        self._skip()
        return True

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _refusal(self, problem: str, at: int | None = None) -> InvalidFilter:
        column = (self._at if at is None else at) + 1
        text = f"column {column}: {problem}"
        return InvalidFilter(
            f"filter, {text}", metadata={"position": str(column)}, violations=[FieldViolation("filter", text)]
        )


def _joined(kind: Callable[[tuple[Node, ...]], Node], parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))
