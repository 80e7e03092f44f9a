"""When a task comes again: after a rule of RFC 5545, as the clocks of a time zone show it.

dateutil knows the calendar, and is asked for what clocks will show. When that is, where clocks are put forward or back,
and the rule's end (COUNT, UNTIL) are added here: dateutil counts what nobody made a task of, and would look for a date
that never comes until the year 9999.
"""

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from typing import Final, Self
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrule, rrulestr

from chassis.errors import InvalidField
from tasksvc.domain.recurrence_parts import (
    DAY_RULES,
    ONCE_A_DAY_OR_LESS,
    PERIODS,
    SEARCHED,
    WEEK,
    by_months,
    read_parts,
)

_BACK: Final = (timedelta(0), timedelta(days=40), timedelta(days=400), timedelta(days=36_600))
"""How far back the newest time of a rule is looked for: most have come in the days before."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One of the times of a series."""

    time: datetime
    """In UTC."""
    wall: datetime
    """What the rule says: what clocks show then or, in the hour that they skip, would have shown."""
    number: int
    """Which task of the series it is, from 1. Times at which none was made don't count."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in its time zone."""

    parts: Mapping[str, str]
    """What dateutil is given: all but COUNT and UNTIL."""
    freq: str
    interval: int
    zone: ZoneInfo
    week_start: int
    count: int | None
    until: datetime | None
    from_week_start: bool
    """Whether its times are places in a week, which must then be looked at whole."""

    @classmethod
    def read(cls, text: str, time_zone: str) -> Self:
        """Raises InvalidField."""
        parts = read_parts(text)
        zone = _zone(time_zone)
        until = parts.pop("UNTIL", None)
        count = parts.pop("COUNT", None)
        return cls(
            parts=parts,
            freq=parts["FREQ"],
            interval=int(parts.get("INTERVAL", 1)),
            zone=zone,
            week_start=WEEK.index(parts.get("WKST", "MO")),
            count=None if count is None else int(count),
            until=None if until is None else _until(until, zone),
            from_week_start=parts["FREQ"] == "WEEKLY" and "BYSETPOS" in parts and not DAY_RULES.isdisjoint(parts),
        )

    def begin(self, time: datetime) -> Occurrence:
        """Where a series stands whose first task is at this time, be it one of the rule's or not."""
        return Occurrence(time, time.astimezone(self.zone).replace(tzinfo=None), 1)

    def comes(self, start: datetime) -> bool:
        """Whether there is a time of the rule from the start on."""
        before = start - timedelta(microseconds=1)
        return any(True for _ in self._following(replace(self.begin(start), time=before, number=0), before))

    def after(self, last: Occurrence, moment: datetime) -> Occurrence | None:
        """The first one after `last` that comes after the moment; None if the series ends before."""
        return next((each for each in self._following(last, moment) if each.time > moment), None)

    def newest(self, last: Occurrence, moment: datetime) -> Occurrence | None:
        """The newest one after `last` that has come by the moment; None if none has."""
        for back in _BACK:  # the rule may not have come at all in the time just before
            newest = None
            for each in takewhile(lambda each: each.time <= moment, self._following(last, moment - back)):
                newest = each
            if newest is not None or moment - back <= last.time:
                return newest
        return None

    def _following(self, last: Occurrence, moment: datetime) -> Iterator[Occurrence]:
        """Those that may come next after `last`. Most of those before the moment are left out."""
        if self.count is not None and last.number >= self.count:
            return
        time = last.time
        for each in self._occurrences(self._nearer(last.wall, moment)):
            if each.time <= time:
                continue
            time = each.time
            if self.until is not None and time.replace(microsecond=0) > self.until:
                return
            yield replace(each, number=last.number + 1)

    def _nearer(self, wall: datetime, moment: datetime) -> datetime:
        """A later place from which the rule goes on just the same: not every minute of a year is to be looked at."""
        period = PERIODS.get(self.freq)
        if period is None:
            return wall
        period *= self.interval
        # Two days: more than clocks are ever put forward or back.
        distance = moment.astimezone(self.zone).replace(tzinfo=None) - wall - timedelta(days=2)
        return wall + max(distance // period, 0) * period

    def _occurrences(self, wall: datetime) -> Iterator[Occurrence]:
        """By time, also on the days on which clocks change.

        What falls into an hour that they skip comes as long after midnight as on other days; what falls into one that
        they show twice comes the first time. Rules finer than a day follow the time that passes instead: they pass over
        what isn't there, and come in both of the hours.
        """
        fine = self.freq not in ONCE_A_DAY_OR_LESS
        later: list[Occurrence] = []
        for each in self._walls(wall):
            first, second = _moments(each, self.zone)
            here = Occurrence(first, each, 0)
            skipped = first > second
            if skipped:
                if not fine:
                    insort(later, here, key=_time)
                continue
            while later and later[0].time <= first:
                yield later.pop(0)
            yield here
            if first < second and fine:
                insort(later, Occurrence(second, each, 0), key=_time)
        yield from later

    def _walls(self, wall: datetime) -> Iterator[datetime]:
        """What clocks show at the rule's times, from the first that isn't before `wall`."""
        fraction = timedelta(microseconds=wall.microsecond)
        start = wall - fraction
        if self.from_week_start:
            start -= timedelta(days=(start.weekday() - self.week_start) % 7)
        try:
            parts = by_months(self.parts, start)
            text = ";".join(f"{name}={value}" for name, value in parts.items())
            rule: rrule = rrulestr(text, dtstart=start)  # type: ignore[assignment]  # one rule is no set
            fuse = _Fuse(parts.get("INTERVAL", 1))
            most = fuse.left = SEARCHED[parts["FREQ"]]
            for each in rule.replace(interval=fuse):
                fuse.left = most
                if each + fraction >= wall:
                    yield each + fraction
        except (_BurntOut, ValueError, OverflowError):
            # It was looked for long enough; or dateutil saw at once that there is none; or the calendar ends.
            return


def check(text: str, time_zone: str, start: datetime) -> None:
    """Raises InvalidField for a rule that can't be meant for a task at this time."""
    rule = Rule.read(text, time_zone)
    try:
        comes = rule.comes(start)
    except OverflowError:  # the calendar begins, or ends, here
        comes = False
    if not comes:
        raise InvalidField.named(
            "task.recurrence", text, "never comes: no date after its start is found that fits the rule"
        )


class _BurntOut(Exception):
    """The search went on for too long."""


class _Fuse(int):
    """An INTERVAL that ends a search which finds nothing: dateutil adds it, or a multiple, at each step."""

    left = 0

    def __radd__(self, other: int) -> int:
        return self._burn() + other

    def __mul__(self, other: int) -> int:
        return self._burn() * other

    def _burn(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise _BurntOut
        return int(self)


def _moments(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When clocks show this, the first and the last time. The other way round: they skip it."""
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    return first, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _time(occurrence: Occurrence) -> datetime:
    return occurrence.time


def _until(text: str, zone: ZoneInfo) -> datetime:
    """The last moment that counts; of a day, its end."""
    try:
        if text.endswith("Z"):
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        wall = datetime.strptime(text if "T" in text else f"{text}T235959", "%Y%m%dT%H%M%S")  # noqa: DTZ007  # the zone is the rule's
        return _moments(wall, zone)[1]
    except (ValueError, OverflowError):
        raise InvalidField.named("task.recurrence", f"UNTIL={text}", "is no date of the calendar") from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> ZoneInfo:
    if name and name not in _zones():
        wanted = "must be a time zone of the IANA's database, such as `Europe/Berlin`"
        raise InvalidField.named("task.recurrence_time_zone", name, wanted)
    return ZoneInfo(name or "UTC")
