"""What a person gives on the command line for what a task says to workers, and of its time."""

import json
import os
import sys
from collections.abc import Sequence
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import sdk
from cli.completion import queue_names
from cli.failures import UsageProblem

if TYPE_CHECKING:
    from cli.client import Client


class UniqueScope(StrEnum):
    """For how long a unique key is taken."""

    WAITING = "waiting"
    RUNNING = "running"
    PERIOD = "period"


class RecurrenceMode(StrEnum):
    """When the next task of a series is made."""

    AFTER_END = "after-end"
    ON_SCHEDULE = "on-schedule"


Queue = Annotated[str, typer.Option("--queue", "-q", help="The queue whose workers do it.", autocompletion=queue_names)]
Payload = Annotated[
    str | None,
    typer.Option("--payload", help="What the worker gets: a JSON object; @FILE reads one, - standard input."),
]
UniqueKey = Annotated[
    str, typer.Option("--unique-key", help="No second task with this key in the queue while it is taken.")
]
UniqueScopeOption = Annotated[
    UniqueScope | None,
    typer.Option("--unique-scope", case_sensitive=False, help="How long it is taken: running unless said."),
]
UniqueFor = Annotated[
    str | None, typer.Option("--unique-for", help="Takes the key for this long, such as 1h: the scope is period.")
]
ConcurrencyKey = Annotated[
    str, typer.Option("--concurrency-key", help="What its queue's limit per key counts it under.")
]
MaxAttempts = Annotated[
    int, typer.Option("--max-attempts", help="How often workers try it; as its queue says if left out.")
]
At = Annotated[
    str | None, typer.Option("--at", "--schedule", help="No worker gets it before: 10m, 'tomorrow 9:00', 2026-12-01.")
]
BlockedBy = Annotated[
    list[str] | None, typer.Option("--blocked-by", help="A task that must be completed first; may be repeated.")
]
Recur = Annotated[
    str | None,
    typer.Option("--recur", help="It comes again: daily, weekly, ... or a rule such as 'FREQ=WEEKLY;BYDAY=MO,WE'."),
]
RecurMode = Annotated[
    RecurrenceMode | None,
    typer.Option("--recur-mode", case_sensitive=False, help="When the next one is made: after-end unless said."),
]
TimeZone = Annotated[
    str | None, typer.Option("--time-zone", help="What --recur counts in, such as Europe/Berlin; this machine's.")
]

_OFTEN: Final = ("hourly", "daily", "weekly", "monthly", "yearly")
_LOCAL_TIME: Final = Path("/etc/localtime")


def unique_values(key: str, scope: UniqueScope | None, period: str | None) -> dict[str, Any]:
    """The fields of a task that keep it the only one of its kind."""
    values: dict[str, Any] = {"unique_key": key}
    if period is not None:
        from cli.dates import parse_length

        values["unique_period"] = parse_length(period)
        scope = scope or UniqueScope.PERIOD
    if scope is not None:
        values["unique_scope"] = sdk.tasks.TaskUniqueScope[scope.name]
    return values


async def time_values(
    client: "Client",
    *,
    at: str | None,
    blocked_by: Sequence[str] | None,
    recur: str | None,
    mode: RecurrenceMode | None,
    time_zone: str | None,
) -> dict[str, Any]:
    """The fields of a task that say when it can be done, and when it comes again."""
    new: dict[str, Any] = {}
    if at is not None:
        from cli.dates import parse_time

        new["schedule_time"] = parse_time(at, whole_day=time())
    if blocked_by:
        from cli.names import task_ids

        new["blocked_by"] = await task_ids(client, blocked_by)
    if recur is not None:
        new["recurrence"] = f"FREQ={recur.upper()}" if recur.lower() in _OFTEN else recur
        new["recurrence_time_zone"] = _this_zone() if time_zone is None else time_zone
    elif time_zone is not None:
        new["recurrence_time_zone"] = time_zone
    if mode is not None:
        new["recurrence_mode"] = sdk.tasks.TaskRecurrenceMode[mode.name]
    return new


def payload_from(text: str | None) -> "sdk.google.Struct | None":
    """A worker's payload: a JSON object."""
    if text is None:
        return None
    try:
        value = json.loads(_read(text), parse_constant=_refused, parse_int=_whole)
    except (ValueError, OverflowError, RecursionError) as error:
        raise UsageProblem(f"the payload is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageProblem('the payload must be a JSON object, such as \'{"file": "a.png"}\'')
    return sdk.google.Struct.from_dict(value)


def _read(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageProblem(f"{text[1:]} can't be read: {error.strerror}") from error


def _whole(digits: str) -> int:
    number = int(digits)
    float(number)  # as which it travels; OverflowError if it can't
    return number


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _this_zone() -> str:
    """The time zone of this machine by its name; empty, which means UTC, where it has none."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named and _LOCAL_TIME.is_symlink():
        _, _, named = str(_LOCAL_TIME.resolve()).partition("/zoneinfo/")
    from zoneinfo import available_timezones

    return named if named in available_timezones() else ""
