"""Filters after AIP-160: `parse` reads one for a message's fields, `matches` asks a message, a store says it in SQL."""

from chassis.aip160.fields import Field, Fields, Kind
from chassis.aip160.grammar import parse
from chassis.aip160.matching import matches
from chassis.aip160.nodes import And, Compare, Contains, Has, Like, Node, Not, Op, Or, Pattern, Present, Word

__all__ = [
    "And",
    "Compare",
    "Contains",
    "Field",
    "Fields",
    "Has",
    "Kind",
    "Like",
    "Node",
    "Not",
    "Op",
    "Or",
    "Pattern",
    "Present",
    "Word",
    "matches",
    "parse",
]
