"""When mails may come, by clocks that are put forward and back."""

from datetime import UTC, datetime, time

import pytest
from taskbell.notifications.v1.preferences_pb2 import Preferences as Message

from notifysvc.preferences import Digest, Preferences, QuietHours

NIGHT = QuietHours(time(22), time(7))
LUNCH = QuietHours(time(12), time(13))
DAWN = QuietHours(time(1), time(2, 30))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "zone", "now", "until"),
    [
        (NIGHT, "UTC", "2026-11-23 21:59", None),
        (NIGHT, "UTC", "2026-11-23 22:00", "2026-11-24 07:00"),
        (NIGHT, "UTC", "2026-11-24 06:59", "2026-11-24 07:00"),
        (NIGHT, "UTC", "2026-11-24 07:00", None),
        (NIGHT, "Europe/Moscow", "2026-11-23 19:00", "2026-11-24 04:00"),
        (NIGHT, "Pacific/Auckland", "2026-11-23 10:00", "2026-11-23 18:00"),
        (LUNCH, "UTC", "2026-11-23 12:30", "2026-11-23 13:00"),
        (LUNCH, "UTC", "2026-11-23 13:00", None),
        # The night in which clocks in Berlin go forward is an hour shorter, that in which they go back an hour longer.
        (NIGHT, "Europe/Berlin", "2026-03-28 21:00", "2026-03-29 05:00"),
        (NIGHT, "Europe/Berlin", "2026-10-24 20:00", "2026-10-25 06:00"),
        # Clocks show 2:30 twice: it is quiet until the second time.
        (DAWN, "Europe/Berlin", "2026-10-25 00:45", "2026-10-25 01:30"),
        (DAWN, "Europe/Berlin", "2026-10-25 01:30", None),
        # Clocks never show 2:30: it is quiet for as long as ever.
        (DAWN, "Europe/Berlin", "2026-03-29 00:30", "2026-03-29 01:30"),
    ],
)
def test_quiet_hours_last_until_the_persons_clock_says_so(
    quiet: QuietHours, zone: str, now: str, until: str | None
) -> None:
    preferences = Preferences(time_zone=zone, quiet_hours=quiet)
    assert preferences.quiet_until(utc(now)) == (utc(until) if until else None)


@pytest.mark.parametrize(
    ("digest", "zone", "quiet", "now", "due"),
    [
        (Message.HOURLY, "UTC", None, "2026-11-23 12:00", "2026-11-23 13:00"),
        (Message.HOURLY, "UTC", None, "2026-11-23 12:59:59.5", "2026-11-23 13:00"),
        (Message.HOURLY, "Asia/Kolkata", None, "2026-11-23 12:10", "2026-11-23 12:30"),
        (Message.HOURLY, "UTC", NIGHT, "2026-11-23 21:10", "2026-11-24 07:00"),
        (Message.HOURLY, "UTC", NIGHT, "2026-11-24 05:10", "2026-11-24 07:00"),
        (Message.DAILY, "UTC", None, "2026-11-23 07:59", "2026-11-23 08:00"),
        (Message.DAILY, "UTC", None, "2026-11-23 08:00", "2026-11-24 08:00"),
        (Message.DAILY, "Europe/Moscow", None, "2026-11-23 12:00", "2026-11-24 05:00"),
        (Message.DAILY, "Europe/Berlin", None, "2026-03-28 12:00", "2026-03-29 06:00"),
        (Message.DAILY, "UTC", QuietHours(time(6), time(9)), "2026-11-23 12:00", "2026-11-24 09:00"),
        (Message.OFF, "UTC", None, "2026-11-23 12:00", "2026-11-23 12:00"),
    ],
)
def test_a_digest_comes_at_the_hour_of_the_persons_clock_and_not_in_quiet_hours(
    digest: Digest, zone: str, quiet: QuietHours | None, now: str, due: str
) -> None:
    preferences = Preferences(time_zone=zone, quiet_hours=quiet, digest=digest)
    assert preferences.next_digest(utc(now)) == utc(due)


def test_a_time_zone_that_is_no_more_is_utc() -> None:
    assert str(Preferences(time_zone="Mars/Olympus").zone) == "UTC"
