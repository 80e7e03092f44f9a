"""What a command prints: a table for people, or JSON, JSON lines or YAML with the same data for programs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import betterproto2
    from rich.console import Console, RenderableType

M = TypeVar("M", bound="betterproto2.Message")
M_contra = TypeVar("M_contra", bound="betterproto2.Message", contravariant=True)


class Format(StrEnum):
    """How answers are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"


class View(Protocol, Generic[M_contra]):
    """How one kind of resource looks to people."""

    def card(self, item: M_contra, /) -> "RenderableType":
        """One of them, with all that is worth telling."""

    def table(self, items: Sequence[M_contra], /) -> "RenderableType":
        """Many of them, a line each."""


class Output:
    """Prints answers in the format that was asked for."""

    def __init__(self, format_: Format) -> None:
        self.format = format_

    @property
    def for_people(self) -> bool:
        """Whether a person reads it, not a program."""
        return self.format is Format.TABLE

    def item(self, item: M, view: View[M]) -> None:
        """Prints one resource."""
        if self.for_people:
            self.draw(view.card(item))
        else:
            self.plain(_plain(item))

    def items(self, answer: "betterproto2.Message", items: Sequence[M], view: View[M]) -> None:
        """Prints a list: the answer as it came, or its items."""
        if self.for_people and items:
            self.draw(view.table(items))
        elif self.for_people:
            sys.stderr.write("Nothing found.\n")
        elif self.format is Format.JSONL:
            for each in items:
                self.plain(_plain(each))
        else:
            self.plain(_plain(answer))

    def changed(self, items: Sequence[M], field: str, line: Callable[[M], "RenderableType"]) -> None:
        """Prints resources that a command has changed: one as itself, several as a list named `field`."""
        if self.for_people:
            self.draw(*(line(each) for each in items))
        elif self.format is Format.JSONL or len(items) < 2:  # noqa: PLR2004 - one is no list
            for each in items:
                self.plain(_plain(each))
        else:
            self.plain({field: [_plain(each) for each in items]})

    def done(self, text: str) -> None:
        """Tells a person what was done that leaves nothing to show; a program has the exit code."""
        if self.for_people:
            self.draw(text)

    def more(self, next_page_token: str) -> None:
        """Tells a person at a terminal that the list goes on."""
        if next_page_token and self.for_people and sys.stdout.isatty():
            sys.stderr.write("There are more: --limit and --all show them.\n")

    def plain(self, value: Any) -> None:
        """Prints plain values in the format that was asked for; a list stands for its lines."""
        write = sys.stdout.write
        if self.format is Format.YAML:
            import yaml

            # An explicit start, so that one after the other is a stream of documents.
            write(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, explicit_start=True, width=120))
        elif self.format is Format.JSONL:
            write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
        else:
            write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
        sys.stdout.flush()

    def draw(self, *things: "RenderableType") -> None:
        """Prints for people: coloured on a terminal, plain text of any width into a pipe."""
        draw(things)


def draw(things: Iterable["RenderableType"]) -> None:
    """Draws one under the other on standard output."""
    screen = console()
    if screen.is_terminal:
        for thing in things:
            screen.print(thing)
        return
    for thing in things:
        with screen.capture() as capture:
            screen.print(thing, soft_wrap=True)
        sys.stdout.write("".join(line.rstrip() + "\n" for line in capture.get().splitlines()))
    sys.stdout.flush()


def console() -> "Console":
    """Standard output as rich sees it. A pipe has no width: nothing is cut there."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False, markup=False, emoji=False)
    # FORCE_COLOR and the like are for terminals that don't look like one; a pipe is read by programs.
    return Console(
        highlight=False,
        markup=False,
        emoji=False,
        width=10_000,
        color_system=None,
        force_terminal=False,
        _environ={name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "TTY_COMPATIBLE"}},
    )


def _plain(message: "betterproto2.Message") -> Any:
    from cli.json_shape import to_plain

    return to_plain(message)
