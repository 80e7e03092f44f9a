"""Rules of RFC 5545: what is taken, and when tasks come again."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidField
from tasksvc.domain.recurrence import Occurrence, Rule, check

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")


def refusal(text: str, zone: str = "", start: datetime = START) -> InvalidField:
    with pytest.raises(InvalidField) as refused:
        check(text, zone, start)
    return refused.value


def times(text: str, start: datetime = START, zone: str = "", most: int = 5) -> list[datetime]:
    """The first task's time and those after it, each found from the one before."""
    rule = Rule.read(text, zone)
    last: Occurrence | None = rule.begin(start)
    found: list[datetime] = []
    while last is not None and len(found) < most:
        found.append(last.time)
        last = rule.after(last, last.time)
    return found


def clock(*found: datetime, zone: ZoneInfo = BERLIN) -> list[str]:
    return [f"{each.astimezone(zone):%d %H:%M%z}" for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=WEEKLY;BYDAY=MO",
        "RRULE:FREQ=DAILY",
        "freq=daily;interval=3",
        " FREQ=DAILY ",
        "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=30",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU",
        "FREQ=MINUTELY",
        "FREQ=MINUTELY;BYHOUR=9;BYMONTHDAY=1",
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=DAILY;COUNT=1",
        "FREQ=DAILY;UNTIL=20260302",
        "FREQ=DAILY;UNTIL=20260302T090000Z",
        "FREQ=DAILY;UNTIL=20260302T090000",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60))),
    ],
)
def test_rules_of_the_standard_are_taken(text: str) -> None:
    check(text, "", START)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "every monday",
            "DAILY",
            "FREQ",
            "FREQ=",
            "FREQ=FORTNIGHTLY",
            "INTERVAL=2",
            "FREQ=DAILY;",
            "FREQ=DAILY;;",
        ),
        *("FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1", "FREQ=DAILY;INTERVAL=100000"),
        *(
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=100000",
            "FREQ=DAILY;COUNT=2;UNTIL=20300101",
            "FREQ=DAILY;UNTIL=soon",
        ),
        *(
            "FREQ=DAILY;UNTIL=20261301",
            "FREQ=DAILY;UNTIL=20260101T250000Z",
            "FREQ=DAILY;BYHOUR=24",
            "FREQ=DAILY;BYHOUR=",
        ),
        *("FREQ=DAILY;BYMINUTE=60", "FREQ=DAILY;BYSECOND=60", "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYMONTHDAY=0"),
        *("FREQ=YEARLY;BYYEARDAY=367", "FREQ=YEARLY;BYWEEKNO=54", "FREQ=DAILY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1MO"),
        *(
            "FREQ=MONTHLY;BYDAY=6MO",
            "FREQ=MONTHLY;BYDAY=MO,1TU",
            "FREQ=YEARLY;BYDAY=1MO;BYWEEKNO=1",
            "FREQ=WEEKLY;BYWEEKNO=52",
            "FREQ=DAILY;WKST=1",
        ),
        *(
            "FREQ=DAILY;BYSETPOS=1",
            "FREQ=DAILY;BYEASTER=0",
            "FREQ=DAILY;BYWEEKDAY=MO",
            "FREQ=DAILY;X-A=1",
            "FREQ=DAILY BYHOUR=1",
        ),
        *(
            "FREQ=DAILY;BYHOUR=\uff11",
            "DTSTART:20260101\nRRULE:FREQ=DAILY",
            "RRULE:RRULE:FREQ=DAILY",
            "FREQ=DAILY;BYDAY=MO(1)",
        ),
        *("FREQ=DAILY;INTERVAL=1_0", "FREQ=DAILY\0"),
    ],
)
def test_what_is_no_rule_is_refused_by_name(text: str) -> None:
    assert refusal(text).violations[0].field == "task.recurrence"


@pytest.mark.parametrize("text", ["FREQ=SECONDLY", "FREQ=SECONDLY;INTERVAL=600", "FREQ=MINUTELY;BYSECOND=0,30"])
def test_nothing_recurs_oftener_than_once_a_minute(text: str) -> None:
    assert "oftener than once a minute" in str(refusal(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"FREQ={each};BYMONTH=2;BYMONTHDAY=30"
            for each in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")
        ),
        "FREQ=MINUTELY;BYSETPOS=2;BYHOUR=9",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYYEARDAY=1",
        "FREQ=HOURLY;INTERVAL=2;BYHOUR=10",
        "FREQ=YEARLY;BYMONTH=1;BYWEEKNO=30",
        "FREQ=DAILY;UNTIL=20260301",
        "FREQ=WEEKLY;BYDAY=TU;UNTIL=20260302",
        "FREQ=YEARLY;INTERVAL=99999;BYMONTH=1",
    ],
)
def test_a_rule_that_never_comes_is_refused_without_a_long_search(text: str) -> None:
    assert "never comes" in str(refusal(text))


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "europe/berlin", "../../etc/passwd", "/etc/localtime", "Europe", "\0", "Z"]
)
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    assert refusal("FREQ=DAILY", zone).violations[0].field == "task.recurrence_time_zone"


@pytest.mark.parametrize("start", [datetime.min.replace(tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["", "Pacific/Auckland", "Pacific/Honolulu"])
def test_the_ends_of_the_calendar_do_no_harm(start: datetime, zone: str) -> None:
    with suppress(InvalidField):
        check("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1", zone, start)


def test_a_series_comes_at_the_same_hour_when_clocks_change() -> None:
    found = times("FREQ=DAILY", datetime(2026, 10, 24, 7, 0, tzinfo=UTC), "Europe/Berlin", most=3)
    assert clock(*found) == ["24 09:00+0200", "25 09:00+0100", "26 09:00+0100"]


def test_an_hour_that_clocks_skip_moves_one_time_of_a_daily_series_and_no_other() -> None:
    found = times("FREQ=DAILY", datetime(2026, 3, 28, 1, 30, tzinfo=UTC), "Europe/Berlin", most=3)
    assert clock(*found) == ["28 02:30+0100", "29 03:30+0200", "30 02:30+0200"]


def test_times_stay_in_order_round_a_skipped_hour_and_none_is_lost() -> None:
    found = times("FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30", datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "Europe/Berlin")
    assert clock(*found[1:]) == ["29 03:00+0200", "29 03:30+0200", "30 02:00+0200", "30 02:30+0200"]


def test_an_hour_that_clocks_show_twice_has_a_daily_task_once() -> None:
    found = times("FREQ=DAILY", datetime(2026, 10, 24, 0, 30, tzinfo=UTC), "Europe/Berlin", most=3)
    assert clock(*found) == ["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"]


def test_what_comes_hourly_comes_each_hour_that_passes_when_clocks_change() -> None:
    for begin in (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 3, 28, 22, 0, tzinfo=UTC)):
        found = times("FREQ=HOURLY", begin, "Europe/Berlin", most=8)
        assert found == [begin + timedelta(hours=each) for each in range(8)]


def test_count_is_of_tasks_the_first_one_included_and_missed_times_are_none() -> None:
    assert times("FREQ=DAILY;COUNT=3") == [START + timedelta(days=each) for each in range(3)]
    rule = Rule.read("FREQ=DAILY;COUNT=2", "")
    second = rule.after(rule.begin(START), START + timedelta(days=30))
    assert second is not None
    assert (second.time, second.number) == (START + timedelta(days=31), 2)
    assert rule.after(second, START + timedelta(days=60)) is None
    assert rule.newest(second, START + timedelta(days=60)) is None


def test_a_first_task_beside_its_rule_counts_too() -> None:
    assert times("FREQ=WEEKLY;BYDAY=FR;COUNT=2") == [START, START + timedelta(days=4)]


@pytest.mark.parametrize(
    ("until", "last"), [("20260304", 4), ("20260304T090000Z", 4), ("20260304T085959Z", 3), ("20260304T040000", 4)]
)
def test_until_is_the_last_day_or_moment(until: str, last: int) -> None:
    zone = "America/New_York" if len(until) == 15 else ""
    assert times(f"FREQ=DAILY;UNTIL={until}", zone=zone)[-1] == START.replace(day=last)


def test_fractions_of_a_second_are_kept() -> None:
    start = START.replace(microsecond=123456)
    assert times("FREQ=DAILY;COUNT=2", start) == [start, start + timedelta(days=1)]


def test_places_in_a_week_are_counted_from_its_first_day() -> None:
    wednesday = START + timedelta(days=2)
    rule = "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2"
    assert times(rule, wednesday, most=3) == [wednesday, wednesday + timedelta(days=7), wednesday + timedelta(days=14)]


def test_the_newest_time_that_has_come_stands_for_those_that_were_missed() -> None:
    rule = Rule.read("FREQ=MINUTELY", "")
    begun = rule.begin(START)
    newest = rule.newest(begun, START + timedelta(days=3650, seconds=90))
    assert newest is not None
    assert newest.time == START + timedelta(days=3650, minutes=1)
    assert rule.newest(begun, START + timedelta(seconds=59)) is None


@pytest.mark.parametrize("days", [3, 60, 700])
def test_the_newest_time_is_found_however_long_ago_it_was(days: int) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    rule = Rule.read("FREQ=HOURLY;BYYEARDAY=1;UNTIL=20260102", "")
    newest = rule.newest(rule.begin(begin), begin + timedelta(days=days))
    assert newest is not None
    assert newest.time == begin + timedelta(hours=23)


# A search for what never comes takes a while.
RULES = settings(deadline=None, max_examples=60)
ZONES = st.sampled_from(
    ["", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"]
)
STARTS = st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def numbers(lowest: int, highest: int, most: int = 4) -> st.SearchStrategy[str]:
    return st.lists(st.integers(lowest, highest).filter(bool), min_size=1, max_size=most, unique=True).map(
        lambda found: ",".join(map(str, found))
    )


DAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=7, unique=True).map(
    ",".join
)
PARTS = {
    "INTERVAL": st.integers(1, 50).map(str),
    "WKST": st.sampled_from(["MO", "SU"]),
    "BYMONTH": numbers(1, 12),
    "BYWEEKNO": numbers(-53, 53),
    "BYYEARDAY": numbers(-366, 366),
    "BYMONTHDAY": numbers(-31, 31),
    "BYDAY": DAYS,
    "BYHOUR": numbers(0, 23),
    "BYMINUTE": numbers(1, 59),
    "BYSECOND": st.integers(0, 59).map(str),
    "BYSETPOS": numbers(-5, 5, 2),
}


@st.composite
def rules(draw: st.DrawFn, freqs: str = "YEARLY MONTHLY WEEKLY DAILY HOURLY MINUTELY", *, places: bool = True) -> str:
    freq = draw(st.sampled_from(freqs.split()))
    allowed = {"BYSETPOS": places, "BYWEEKNO": freq == "YEARLY"}
    names = draw(
        st.lists(st.sampled_from([name for name in PARTS if allowed.get(name, True)]), max_size=3, unique=True)
    )
    if "BYSETPOS" in names and not any(name.startswith("BY") and name != "BYSETPOS" for name in names):
        names.append("BYDAY")
    parts = [f"{name}={draw(PARTS[name])}" for name in names]
    return ";".join([f"FREQ={freq}", *parts])


@given(rules(), STARTS, ZONES)
@RULES
def test_times_only_ever_go_on_and_are_at_least_a_minute_apart(text: str, start: datetime, zone: str) -> None:
    found = times(text, start, zone, most=4)
    assert all(before < after for before, after in pairwise(found))
    if not zone:
        # The first task may stand anywhere beside its rule.
        assert all(after - before >= timedelta(minutes=1) for before, after in pairwise(found[1:]))


@given(rules("YEARLY MONTHLY WEEKLY DAILY HOURLY", places=False), STARTS)
@RULES
def test_from_one_task_to_the_next_a_series_is_what_dateutil_says_from_its_beginning(
    text: str, start: datetime
) -> None:
    start = start.replace(microsecond=0)
    found = [each.replace(tzinfo=None) for each in times(text, start, most=4)]
    if len(found) > 1:
        assert found[1:] == [*islice(rrulestr(text, dtstart=found[0]).xafter(found[0]), len(found) - 1)]


@given(
    rules("WEEKLY DAILY HOURLY MINUTELY", places=False), STARTS, ZONES, st.timedeltas(timedelta(0), timedelta(days=3))
)
@RULES
def test_a_series_that_rested_goes_on_as_if_it_had_not(text: str, start: datetime, zone: str, rest: timedelta) -> None:
    rule = Rule.read(text, zone)
    begun, moment = rule.begin(start), start + rest
    rested, newest = rule.after(begun, moment), rule.newest(begun, moment)
    followed, before = rule.after(begun, start), None
    for _ in range(120):  # a rest of more tasks than that is not looked at
        if followed is None or followed.time > moment:
            assert (rested and rested.time) == (followed and followed.time)
            assert (newest and newest.time) == (before and before.time)
            break
        before, followed = followed, rule.after(followed, followed.time)
