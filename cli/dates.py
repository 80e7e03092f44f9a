"""Times as people write them: `tomorrow`, `fri 17:00`, `2h`, `2026-12-01`, in the time zone of this machine.

A day without a time means its end for a deadline, since what is due tomorrow may be done all of tomorrow, and its
beginning for what is not to be done before.
"""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from cli.failures import UsageProblem

FORMS: Final = (
    "2h, 3d, today, 'tomorrow 9:00', 'fri 17:00', 17:00, 2026-12-01, '2026-12-01 17:00' or 2026-12-01T17:00:00Z"
)

END_OF_DAY: Final = time(23, 59)
_DAYS: Final = {"today": 0, "tomorrow": 1, "yesterday": -1}
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS: Final = {
    "s": "seconds",
    "sec": "seconds",
    "m": "minutes",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}
_LENGTH: Final = re.compile(r"(?:in )?((?:\d{1,6} ?(?:min|sec|[smhdw]) ?)+)")
_PART: Final = re.compile(r"(\d+) ?(min|sec|[smhdw])")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
# dateutil would take `10/11/26` too, and guess the month: only a year first, or a month in letters, is clear.
_CALENDAR: Final = re.compile(r"\d{4}-\d\d?-\d\d?(?!\d).*|\d{1,2}\.? [a-z]{3,9}\b.*|[a-z]{3,9} \d{1,2}\b.*")
_YEAR: Final = re.compile(r"\d{4}")


def parse_time(text: str, now: datetime | None = None, *, whole_day: time = END_OF_DAY) -> datetime:
    """The time that is meant, seen from `now`; `whole_day` is the time of a day that has none.

    Raises UsageProblem, which names the forms that are understood.
    """
    present = now or datetime.now(_this_zone())
    words = " ".join(text.lower().split())
    try:
        meant = (
            _relative(words, present) or _by_day(words, present, whole_day) or _by_calendar(words, present, whole_day)
        )
    except (ValueError, OverflowError):
        meant = None
    if meant is None:
        raise UsageProblem(f"{text!r} is no time that is understood", hint=f"write it like {FORMS}")
    return meant


def parse_length(text: str) -> timedelta:
    """How long, such as `90d` or `2h30m`."""
    if matched := _LENGTH.fullmatch(text.lower().strip()):
        return _length(matched[1])
    raise UsageProblem(f"{text!r} is no length of time", hint="write it like `30m`, `12h` or `90d`")


def _length(parts: str) -> timedelta:
    length = timedelta()
    for number, unit in _PART.findall(parts):
        length += timedelta(**{_UNITS[unit]: int(number)})
    return length


def _relative(words: str, now: datetime) -> datetime | None:
    if words == "now":
        return now
    matched = _LENGTH.fullmatch(words)
    if not matched:
        return None
    length = _length(matched[1])
    if length % timedelta(days=1):
        # Hours are hours, also in the night when the clocks change.
        return (now.astimezone(UTC) + length).astimezone(now.tzinfo)
    return _local(now.replace(tzinfo=None) + length, now)


def _by_day(words: str, now: datetime, whole_day: time) -> datetime | None:
    day, _, clock = words.partition(" ")
    if _CLOCK.fullmatch(words):
        meant = _local(datetime.combine(now.date(), _clock(words)), now)
        return meant if meant > now else _local(datetime.combine(now.date() + timedelta(days=1), _clock(words)), now)
    weekday = next((n for n, name in enumerate(_WEEKDAYS) if len(day) > 2 and name.startswith(day)), None)  # noqa: PLR2004 - the shortest that is clear
    if day not in _DAYS and weekday is None:
        return None
    at = _clock(clock.removeprefix("at ")) if clock else whole_day
    if weekday is None:
        return _local(datetime.combine(now.date() + timedelta(days=_DAYS[day]), at), now)
    date = now.date() + timedelta(days=(weekday - now.weekday()) % 7)
    meant = _local(datetime.combine(date, at), now)
    return meant if meant > now else _local(datetime.combine(date + timedelta(days=7), at), now)


def _clock(text: str) -> time:
    matched = _CLOCK.fullmatch(text)
    if not matched:
        raise ValueError(text)
    hour, minute, second = matched.groups(default="0")
    return time(int(hour), int(minute), int(second))


def _by_calendar(words: str, now: datetime, whole_day: time) -> datetime | None:
    if not _CALENDAR.fullmatch(words):
        return None
    from dateutil.parser import parse

    meant, late = (parse(words, default=datetime.combine(now.date(), at)) for at in (time(), END_OF_DAY))
    if (meant.time(), late.time()) == (time(), END_OF_DAY):
        meant = datetime.combine(meant.date(), whole_day, meant.tzinfo)  # no time was given
    meant = meant if meant.tzinfo else _local(meant, now)
    return meant if meant > now or _YEAR.search(words) else meant.replace(year=meant.year + 1)


def _local(wall_clock: datetime, now: datetime) -> datetime:
    """A time on the wall clock, with the offset of that day, which may be another than today's."""
    return wall_clock.replace(tzinfo=now.tzinfo)


def _this_zone() -> tzinfo:
    from dateutil.tz import tzlocal

    return tzlocal()
