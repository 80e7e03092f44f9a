"""What a person wants to be told, where, when, and in which language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.notifications.v1.preferences_pb2 import PreferenceRule
from taskbell.notifications.v1.preferences_pb2 import Preferences as Message

from notifysvc.concerned import Reason

Language: TypeAlias = Literal["en", "ru"]
Digest: TypeAlias = "Message.Digest.ValueType"
Email: TypeAlias = "PreferenceRule.Email.ValueType"

REASONS: Final[tuple[Reason, ...]] = tuple(reason for reason in Notification.Reason.values() if reason)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A part of the day, by the clocks of a time zone. It goes over midnight if its end isn't after its start."""

    start: time
    end: time

    def over(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When they are over, if they have begun."""
        today = now.astimezone(zone).date()
        for day in (today - _DAY, today):
            last = day if self.end > self.start else day + _DAY
            # What the clock shows twice, or skips, is taken to be quiet.
            begin, end = min(_moments(day, self.start, zone)), max(_moments(last, self.end, zone))
            if begin <= now < end:
                return end
        return None


@dataclass(frozen=True, slots=True)
class Rule:
    """Where one kind of notifications goes."""

    inbox: bool = True
    email: Email = PreferenceRule.INSTANT


_USUAL: Final = Rule()


@dataclass(frozen=True, slots=True)
class Preferences:
    """One person's. What was never said is as the defaults."""

    time_zone: str = "UTC"
    language: Language = "en"
    quiet_hours: QuietHours | None = None
    digest: Digest = Message.OFF
    digest_hour: int = 8
    rules: Mapping[Reason, Rule] = field(default_factory=dict)
    version: int = 0
    request_id: str = ""
    """Of the last change."""
    update_time: datetime | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone. One that this machine does not know any more is UTC."""
        return ZoneInfo(self.time_zone if self.time_zone in zones() else "UTC")

    def rule(self, reason: Reason) -> Rule:
        """What holds for notifications of this kind."""
        return self.rules.get(reason, _USUAL)

    def reasons(self, email: Email) -> list[Reason]:
        """The kinds whose mails go this way."""
        return [reason for reason in REASONS if self.rule(reason).email == email]

    def quiet_until(self, now: datetime) -> datetime | None:
        """When mails may come again, if they may not now."""
        return self.quiet_hours.over(now, self.zone) if self.quiet_hours else None

    def next_digest(self, now: datetime) -> datetime:
        """When what waits for a digest is told: not in quiet hours, and at once if there are no digests any more."""
        match self.digest:
            case Message.HOURLY:
                local = now.astimezone(self.zone)
                moment = (
                    now
                    + timedelta(hours=1)
                    - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
                )
            case Message.DAILY:
                moment = self._next_daily(now)
            case _:
                moment = now
        return self.quiet_until(moment) or moment

    def _next_daily(self, now: datetime) -> datetime:
        today, hour = now.astimezone(self.zone).date(), time(self.digest_hour)
        moments = (min(_moments(today + days * _DAY, hour, self.zone)) for days in range(3))
        return next(moment for moment in moments if moment > now)


@cache
def zones() -> frozenset[str]:
    """The names of the time zones."""
    return frozenset(available_timezones())


def _moments(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When clocks show this: twice the same, but for times that they show twice or skip."""
    wall = datetime.combine(day, clock, zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
