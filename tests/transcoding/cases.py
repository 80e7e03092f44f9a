"""The table of the mapping: what a request becomes, and what an answer looks like; where Envoy differs, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

import yaml

_FOLDER: Final = Path(__file__).with_name("cases")
SUBJECTS: Final = ("paths", "bodies", "queries", "json_in", "json_out")
_USUAL: Final = {"json_in": {"send": "POST /v1/things", "calls": "Create"}, "json_out": {"send": "GET /v1/ask"}}


@dataclass(frozen=True, slots=True)
class Expected:
    """What comes of a request; only what is named is looked at."""

    calls: str = ""
    """The method, or nothing if none is called."""
    request: str = ""
    """What it is asked, in protobuf's text format."""
    status: int = 200
    reason: str = ""
    """The error's, if it is one of ours."""
    json: str = ""
    """What the answer's object has, among others."""
    lacks: tuple[str, ...] = ()
    whole: str = ""
    """All of the answer, as JSON."""
    raw: str | None = None
    """All of the answer, as it is."""
    type: str = ""
    """The answer's content type."""

    def but(self, other: Mapping[str, Any]) -> Self:
        """The same, where the other says nothing else."""
        told = dict(other)
        if "with" in told:
            told["request"] = told.pop("with")
        if refused := told.pop("refused", ""):
            status, _, told["reason"] = str(refused).partition(" ")
            told |= {"status": int(status), "calls": "", "request": ""}
        if answers := told.pop("answers", 0):
            told["status"] = answers
        if "lacks" in told:
            told["lacks"] = tuple(told["lacks"])
        return replace(self, **told)


@dataclass(frozen=True, slots=True)
class Case:
    """One rule of the mapping, shown by a request."""

    subject: str
    rule: str
    method: str
    target: str
    body: str | None
    content_type: str
    message: str | None
    """What the service answers, in protobuf's text format; None: what it was asked."""
    ours: Expected
    envoy: Expected
    because: str = field(default="")
    """Why ours differs from Envoy's."""

    @property
    def differs(self) -> bool:
        """Whether Envoy makes something else of it."""
        return replace(self.ours, reason="") != self.envoy

    @property
    def name(self) -> str:
        """Names the test."""
        return f"{self.subject}: {self.rule}"


def cases() -> list[Case]:
    """The table."""
    return [_case(subject, entry) for subject in SUBJECTS for entry in _entries(subject)]


def _entries(subject: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = yaml.safe_load((_FOLDER / f"{subject}.yaml").read_text(encoding="utf-8"))
    return entries


def _case(subject: str, entry: Mapping[str, Any]) -> Case:
    told = {**_USUAL.get(subject, {}), **entry}
    method, target = told.pop("send").split(" ", 1)
    rule, envoy, because = told.pop("rule"), told.pop("envoy", {}), told.pop("because", "")
    body, message = told.pop("body", None), told.pop("message", None)
    kind = "" if body is None else told.pop("type", "application/json")
    ours = Expected().but(told)
    theirs = ours.but({"reason": "", **envoy})  # their errors have no reasons
    return Case(subject, rule, method, target, body, kind, message, ours, theirs, because)
