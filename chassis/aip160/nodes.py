"""What a filter says, checked against the fields: no name is unknown here and no value is of a wrong type."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from chassis.aip160.fields import Field


class Op(StrEnum):
    """A comparison. There is no `!=`: it is the `Not` of `=`, so that an absent value differs from every value."""

    EQUAL = "="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text in which each gap between two parts stands for anything: `a*b` is `("a", "b")`."""

    parts: tuple[str, ...]

    @property
    def literal(self) -> bool:
        """Whether it stands for itself only."""
        return len(self.parts) == 1

    @property
    def anything(self) -> bool:
        """Whether it is a lone `*`."""
        return self.parts == ("", "")

    def __str__(self) -> str:
        return "*".join(self.parts)


@dataclass(frozen=True, slots=True)
class And:
    """All of them; without parts, everything."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Everything else."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    """The field's value against this one, of the field's kind (an enum's is a number); false for an absent value."""

    field: Field
    op: Op
    value: str | int | datetime


@dataclass(frozen=True, slots=True)
class Like:
    """The whole text of the field fits the pattern, case included."""

    field: Field
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Contains:
    """The pattern occurs somewhere in the text of the field, whatever the case."""

    field: Field
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Has:
    """One of the field's texts fits the pattern, case included."""

    field: Field
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Present:
    """The field has a value."""

    field: Field


@dataclass(frozen=True, slots=True)
class Word:
    """The pattern occurs in the text of the field as a word, whatever the case."""

    field: Field
    pattern: Pattern


Node: TypeAlias = And | Or | Not | Compare | Like | Contains | Has | Present | Word
