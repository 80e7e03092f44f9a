"""What a caller changes of their preferences."""

from collections.abc import Mapping
from datetime import time
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification

from chassis.errors import InvalidField, InvalidUpdateMask
from notifysvc.preference_patch import patched, preferences_to_pb
from notifysvc.preferences import REASONS, Preferences, QuietHours, Rule

NIGHT = QuietHours(time(22), time(7))
BEFORE = Preferences(time_zone="Europe/Berlin", language="ru", quiet_hours=NIGHT, digest=pb.Preferences.DAILY)


def patch(said: Mapping[str, Any], *paths: str, before: Preferences = BEFORE) -> Preferences:
    return patched(before, pb.Preferences(**said), FieldMask(paths=paths))


def test_only_what_is_named_changes() -> None:
    after = patch({"time_zone": "Asia/Tokyo", "language": "en"}, "time_zone")
    assert (after.time_zone, after.language, after.quiet_hours) == ("Asia/Tokyo", "ru", NIGHT)


def test_without_a_mask_what_is_set_changes() -> None:
    after = patch({"digest_hour": 0, "etag": "x"})
    assert (after.digest_hour, after.language) == (0, "ru")


def test_what_is_named_and_not_set_goes_back_to_its_default() -> None:
    assert patch({}, "*") == Preferences()
    after = patch({}, "time_zone", "language", "quiet_hours", "digest_hour")
    assert (after.time_zone, after.language, after.quiet_hours, after.digest_hour) == ("UTC", "en", None, 8)


@pytest.mark.parametrize(
    ("said", "paths", "quiet"),
    [
        ({"start": "23:00"}, ["quietHours.start"], QuietHours(time(23), time(7))),
        ({"end": "06:30"}, ["quiet_hours.end"], QuietHours(time(22), time(6, 30))),
        ({"start": "07:00", "end": "22:00"}, ["quiet_hours.start", "quiet_hours.end"], QuietHours(time(7), time(22))),
    ],
)
def test_either_end_of_the_quiet_hours_may_be_moved_alone(
    said: Mapping[str, str], paths: list[str], quiet: QuietHours
) -> None:
    assert patch({"quiet_hours": said}, *paths).quiet_hours == quiet


def test_rules_are_replaced_and_have_defaults() -> None:
    rules = [
        pb.PreferenceRule(reason=Notification.ASSIGNED, inbox=False, email=pb.PreferenceRule.OFF),
        pb.PreferenceRule(reason=Notification.FAILED),
    ]
    after = patch({"rules": rules}, "rules")
    assert after.rule(Notification.ASSIGNED) == Rule(inbox=False, email=pb.PreferenceRule.OFF)
    assert after.rule(Notification.FAILED) == after.rule(Notification.OVERDUE) == Rule()


def test_what_was_read_may_be_sent_back() -> None:
    message = preferences_to_pb("ann", BEFORE)
    assert len(message.rules) == len(REASONS)
    again = preferences_to_pb("ann", patched(BEFORE, message, FieldMask(paths=["*"])))
    assert again == message


@pytest.mark.parametrize(
    ("said", "field", "told"),
    [
        ({"time_zone": "Mars/Olympus"}, "preferences.time_zone", "'Mars/Olympus' must be a time zone"),
        ({"quiet_hours": {"start": "22:00"}}, "preferences.quiet_hours.end", "must be a time of the day"),
        ({"quiet_hours": {"start": "22:00", "end": "22:00"}}, "preferences.quiet_hours.end", "must be another time"),
        (
            {"rules": [pb.PreferenceRule(reason=Notification.FAILED)] * 2},
            "preferences.rules[1].reason",
            "'FAILED' stands there already",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_field(said: Mapping[str, Any], field: str, told: str) -> None:
    with pytest.raises(InvalidField) as caught:
        patch(said, *said)
    (violation,) = caught.value.violations
    assert violation.field == field
    assert told in violation.description


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidField) as caught:
        patch({"time_zone": "nowhere", "quiet_hours": {"start": "22:00"}}, "time_zone", "quiet_hours")
    assert [each.field for each in caught.value.violations] == ["preferences.time_zone", "preferences.quiet_hours.end"]


def test_rules_that_say_digest_need_one() -> None:
    rules = [pb.PreferenceRule(reason=Notification.FAILED, email=pb.PreferenceRule.DIGEST)]
    assert patch({"rules": rules}, "rules").rule(Notification.FAILED).email == pb.PreferenceRule.DIGEST
    with pytest.raises(InvalidField, match=r"HOURLY or DAILY while rules say DIGEST, as those of FAILED do"):
        patch({"rules": rules}, "rules", "digest")


@pytest.mark.parametrize("path", ["colour", "quiet_hours.middle", "rules.reason"])
def test_a_mask_that_names_nothing_of_the_preferences_is_refused(path: str) -> None:
    with pytest.raises(InvalidUpdateMask, match="time_zone, language, quiet_hours, digest, digest_hour, rules"):
        patch({}, path)
