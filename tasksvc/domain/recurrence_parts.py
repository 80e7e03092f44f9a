"""What a rule of RFC 5545 may say, part by part. What is taken here, dateutil reads as the standard means it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chassis.errors import InvalidField

PERIODS: Final[Mapping[str, timedelta]] = {
    "WEEKLY": timedelta(weeks=1),
    "DAILY": timedelta(days=1),
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
}
"""The frequencies with a fixed length, as clocks show it."""
ONCE_A_DAY_OR_LESS: Final = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})
_DIVIDES_THE_NEXT: Final[Mapping[str, Collection[int]]] = {
    "YEARLY": (),
    "MONTHLY": (),
    "WEEKLY": (1,),
    "DAILY": (1,),
    "HOURLY": (1, 2, 3, 4, 6, 8, 12, 24),
    "MINUTELY": (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60),
}
"""The intervals after which each day, or hour, is like the one before."""
WEEK: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY_RULES: Final = frozenset({"BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"})
SEARCHED: Final[Mapping[str, int]] = {
    # The calendar repeats itself after 400 years: what didn't come by then never comes.
    "YEARLY": 400,
    "MONTHLY": 2400,
    "WEEKLY": 5000,
    "DAILY": 5000,
    "HOURLY": 10_000,
    "MINUTELY": 10_000,
}
"""How many steps the next date of a rule is looked for: some 20 ms of work, and decades of dates in most rules."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How the value of a part looks."""

    pattern: re.Pattern[str]
    wanted: str

    @classmethod
    def of(cls, pattern: str, wanted: str) -> "_Form":
        return cls(re.compile(pattern, re.ASCII), wanted)

    @classmethod
    def list_of(cls, item: str, wanted: str) -> "_Form":
        return cls.of(f"(?:{item})(?:,(?:{item}))*", wanted)


_SECOND: Final = "[0-5]?[0-9]"
_TO_366: Final = "[+-]?0*(?:[1-9][0-9]?|[12][0-9]{2}|3[0-5][0-9]|36[0-6])"
_FORMS: Final[Mapping[str, _Form]] = {
    "FREQ": _Form.of(
        "YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY|MINUTELY", "YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY or MINUTELY"
    ),
    "INTERVAL": _Form.of("0*[1-9][0-9]{0,4}", "1 to 99999"),
    "COUNT": _Form.of("0*[1-9][0-9]{0,4}", "1 to 99999"),
    "UNTIL": _Form.of("[0-9]{8}(?:T[0-9]{6}Z?)?", "a day or a time, such as 20301224 or 20301224T170000Z"),
    "WKST": _Form.of("MO|TU|WE|TH|FR|SA|SU", "MO, TU, WE, TH, FR, SA or SU"),
    "BYMONTH": _Form.list_of("0?[1-9]|1[0-2]", "months from 1 to 12"),
    "BYWEEKNO": _Form.list_of("[+-]?(?:0?[1-9]|[1-4][0-9]|5[0-3])", "weeks from 1 to 53 or -53 to -1"),
    "BYYEARDAY": _Form.list_of(_TO_366, "days from 1 to 366 or -366 to -1"),
    "BYMONTHDAY": _Form.list_of("[+-]?(?:0?[1-9]|[12][0-9]|3[01])", "days from 1 to 31 or -31 to -1"),
    "BYDAY": _Form.list_of(
        "(?:[+-]?(?:0?[1-9]|[1-4][0-9]|5[0-3]))?(?:MO|TU|WE|TH|FR|SA|SU)",
        "days such as MO, or 1MO and -1FR in a month or year",
    ),
    "BYHOUR": _Form.list_of("[01]?[0-9]|2[0-3]", "hours from 0 to 23"),
    "BYMINUTE": _Form.list_of(_SECOND, "minutes from 0 to 59"),
    "BYSECOND": _Form.of(_SECOND, "one second from 0 to 59: nothing recurs oftener than once a minute"),
    "BYSETPOS": _Form.list_of(_TO_366, "places from 1 to 366 or -366 to -1"),
}
_NUMBERED: Final = re.compile("[0-9]", re.ASCII)
_BEYOND_A_MONTH: Final = re.compile("[+-]?(?:0?[6-9]|[1-5][0-9])[A-Z]", re.ASCII)


def read_parts(text: str) -> dict[str, str]:
    """The parts by name, in upper case. Raises InvalidField."""
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name not in _FORMS:
            raise _wrong(part, f"must be one of {', '.join(_FORMS)}, each with `=` and its value, with `;` in between")
        if name in parts:
            raise _wrong(part, f"names {name} a second time")
        if part == "FREQ=SECONDLY":
            raise _wrong(part, "is oftener than once a minute, which is the most")
        if not _FORMS[name].pattern.fullmatch(value):
            raise _wrong(part, f"must be {_FORMS[name].wanted}")
        parts[name] = value
    _check_together(text, parts)
    return parts


def by_months(parts: Mapping[str, str], start: datetime) -> Mapping[str, str]:
    """The same rule in months, if that can be said: there dateutil finds the next date in fewer steps."""
    freq, interval = parts["FREQ"], int(parts.get("INTERVAL", 1))
    if "BYSETPOS" in parts or interval not in _DIVIDES_THE_NEXT[freq]:
        return parts
    new = {name: value for name, value in parts.items() if name != "INTERVAL"} | {"FREQ": "MONTHLY"}
    if freq == "MINUTELY":
        new["BYMINUTE"] = _among(range(start.minute % interval, 60, interval), parts.get("BYMINUTE"))
        new.setdefault("BYHOUR", _among(range(24), None))
    elif freq == "HOURLY":
        new["BYHOUR"] = _among(range(start.hour % interval, 24, interval), parts.get("BYHOUR"))
    if DAY_RULES.isdisjoint(parts):
        if freq == "WEEKLY":
            new["BYDAY"] = WEEK[start.weekday()]
        else:
            new["BYMONTHDAY"] = _among(range(1, 32), None)
    return new


def _among(possible: Collection[int], named: str | None) -> str:
    """Raises ValueError if none of them is named."""
    found = possible if named is None else sorted({int(each) for each in named.split(",")}.intersection(possible))
    if not found:
        raise ValueError("nothing is left")
    return ",".join(map(str, found))


def _check_together(text: str, parts: Mapping[str, str]) -> None:
    if "FREQ" not in parts:
        raise _wrong(text, "must have a FREQ, as in `FREQ=WEEKLY;BYDAY=MO`")
    if "COUNT" in parts and "UNTIL" in parts:
        raise _wrong(text, "must end by COUNT or by UNTIL, not by both")
    if "BYSETPOS" in parts and not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        raise _wrong(text, "must have another part from which BYSETPOS takes places, such as BYDAY")
    if "BYWEEKNO" in parts and parts["FREQ"] != "YEARLY":
        raise _wrong(text, "may name weeks of the year, BYWEEKNO, only in a YEARLY rule")
    _check_days(text, parts)


def _check_days(text: str, parts: Mapping[str, str]) -> None:
    """Days with a number, such as 1MO: dateutil passes over the number where the standard forbids it."""
    numbered = [bool(_NUMBERED.search(day)) for day in parts.get("BYDAY", "").split(",")]
    if not any(numbered):
        return
    if not all(numbered):
        raise _wrong(text, "must name its days all with a number, such as 1MO, or all without")
    if parts["FREQ"] not in {"MONTHLY", "YEARLY"} or "BYWEEKNO" in parts:
        raise _wrong(text, "may number days, such as 1MO, only in a MONTHLY rule, or a YEARLY one without BYWEEKNO")
    if (parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts) and any(
        map(_BEYOND_A_MONTH.match, parts["BYDAY"].split(","))
    ):
        raise _wrong(text, "must number days of a month from 1 to 5, or -5 to -1")


def _wrong(told: str, wanted: str) -> InvalidField:
    return InvalidField.named("task.recurrence", told, wanted)
