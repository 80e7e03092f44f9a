"""Times as people write them, seen from a Monday noon in Berlin."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cli.dates import parse_length, parse_time
from cli.failures import UsageProblem

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-11-23T12:00:00+01:00"),
        ("2h", "2026-11-23T14:00:00+01:00"),
        ("in 2h30m", "2026-11-23T14:30:00+01:00"),
        ("90s", "2026-11-23T12:01:30+01:00"),
        ("3d", "2026-11-26T12:00:00+01:00"),
        ("1w", "2026-11-30T12:00:00+01:00"),
        ("today", "2026-11-23T23:59:00+01:00"),
        ("Tomorrow", "2026-11-24T23:59:00+01:00"),
        ("tomorrow 9:00", "2026-11-24T09:00:00+01:00"),
        ("tomorrow at 9:00", "2026-11-24T09:00:00+01:00"),
        ("17:00", "2026-11-23T17:00:00+01:00"),
        ("9:00", "2026-11-24T09:00:00+01:00"),
        ("fri 17:00", "2026-11-27T17:00:00+01:00"),
        ("friday", "2026-11-27T23:59:00+01:00"),
        ("mon", "2026-11-23T23:59:00+01:00"),
        ("mon 11:00", "2026-11-30T11:00:00+01:00"),
        ("2026-12-01", "2026-12-01T23:59:00+01:00"),
        ("2026-12-01 17:00", "2026-12-01T17:00:00+01:00"),
        ("2026-12-01T17:00:00Z", "2026-12-01T17:00:00+00:00"),
        ("2026-12-01T17:00:00.5+03:00", "2026-12-01T17:00:00.500000+03:00"),
        ("2026-01-01", "2026-01-01T23:59:00+01:00"),
        ("1 dec", "2026-12-01T23:59:00+01:00"),
        ("december 12 5pm", "2026-12-12T17:00:00+01:00"),
        ("march 3", "2027-03-03T23:59:00+01:00"),
    ],
)
def test_what_is_meant(text: str, meant: str) -> None:
    assert parse_time(text, NOW).isoformat() == meant


@pytest.mark.parametrize("text", ["2027-07-01", "1 july 23:59"])
def test_the_offset_is_that_of_the_day(text: str) -> None:
    assert parse_time(text, NOW).isoformat() == "2027-07-01T23:59:00+02:00"


def test_hours_are_hours_when_the_clocks_change() -> None:
    evening = datetime(2026, 10, 24, 22, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert parse_time("6h", evening).isoformat() == "2026-10-25T03:00:00+01:00"
    assert parse_time("1d", evening).isoformat() == "2026-10-25T22:00:00+01:00"


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "5", "10/11/26", "2026-13-01", "2026-02-30", "25:00", "fri 17", "fri 25:00", "99999999d", "999999w",
        "2026-12-01 zzz", "-2h", "m", "on fri", "9999-12-31 25:00", "\N{ARABIC-INDIC DIGIT TWO}h\x00",
    ],
)  # fmt: skip
def test_what_is_unclear_is_refused_with_the_forms_that_are_clear(text: str) -> None:
    with pytest.raises(UsageProblem) as raised:
        parse_time(text, NOW)
    assert "tomorrow" in raised.value.hint


@pytest.mark.parametrize(("text", "length"), [("90d", timedelta(days=90)), ("1h30m", timedelta(minutes=90))])
def test_lengths(text: str, length: timedelta) -> None:
    assert parse_length(text) == length


def test_a_length_that_is_none_is_refused() -> None:
    with pytest.raises(UsageProblem):
        parse_length("long")
