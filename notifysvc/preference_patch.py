"""Preferences as messages, and what a caller changes of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import time
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.notifications.v1 import preferences_pb2 as pb
from taskbell.notifications.v1.notifications_pb2 import Notification

from chassis.errors import FieldViolation, InvalidField, InvalidUpdateMask
from chassis.etag import etag
from notifysvc.concerned import Reason
from notifysvc.preferences import REASONS, Preferences, QuietHours, Rule, zones

_DEFAULTS: Final = Preferences()


def preferences_to_pb(user_id: str, preferences: Preferences) -> pb.Preferences:
    """All of them, with a rule for each reason."""
    quiet = preferences.quiet_hours
    message = pb.Preferences(
        time_zone=preferences.time_zone,
        language=preferences.language,
        quiet_hours=pb.QuietHours(start=f"{quiet.start:%H:%M}", end=f"{quiet.end:%H:%M}") if quiet else None,
        digest=preferences.digest,
        digest_hour=preferences.digest_hour,
        etag=etag(user_id, preferences.version),
    )
    for reason in REASONS:
        rule = preferences.rule(reason)
        message.rules.add(reason=reason, inbox=rule.inbox, email=rule.email)
    if preferences.update_time:
        message.update_time.FromDatetime(preferences.update_time)
    return message


def patched(before: Preferences, message: pb.Preferences, mask: FieldMask) -> Preferences:
    """The preferences with what the mask names. Raises InvalidUpdateMask, or InvalidField with all that is wrong."""
    values: dict[str, Any] = {}
    violations: list[FieldViolation] = []
    for path in _paths(message, mask):
        try:
            values |= _READ[path](message, replace(before, **values))
        except InvalidField as error:
            violations += error.violations
    if violations:
        raise InvalidField.listing(violations)
    after = replace(before, **values)
    if after.digest == pb.Preferences.OFF and (waiting := after.reasons(pb.PreferenceRule.DIGEST)):
        names = ", ".join(map(_name, waiting))
        raise InvalidField.named(
            "preferences.digest", "OFF", f"must be HOURLY or DAILY while rules say DIGEST, as those of {names} do"
        )
    return after


def _paths(message: pb.Preferences, mask: FieldMask) -> Iterable[str]:
    if not mask.paths:
        return [field.name for field, _ in message.ListFields() if field.name in _READ]
    if list(mask.paths) == ["*"]:
        return _WHOLE
    paths = [re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", path) for path in mask.paths]
    for path, said in zip(paths, mask.paths, strict=True):
        if path not in _READ and path not in pb.Preferences.DESCRIPTOR.fields_by_name:
            raise InvalidUpdateMask(
                f"update_mask names {said[:64]!r}; what can be changed is {', '.join(_WHOLE)}.",
                metadata={"path": said[:64]},
            )
    if {"quiet_hours.start", "quiet_hours.end"} <= set(paths):
        paths.append("quiet_hours")
    return [
        path for path in paths if path in _READ and not ("quiet_hours" in paths and path.startswith("quiet_hours."))
    ]


def _time_zone(message: pb.Preferences, _: Preferences) -> Mapping[str, Any]:
    if message.time_zone and message.time_zone not in zones():
        wanted = "must be a time zone of the IANA's database, such as `Europe/Moscow`"
        raise InvalidField.named("preferences.time_zone", message.time_zone, wanted)
    return {"time_zone": message.time_zone or _DEFAULTS.time_zone}


def _language(message: pb.Preferences, _: Preferences) -> Mapping[str, Any]:
    return {"language": message.language or _DEFAULTS.language}


def _quiet_hours(message: pb.Preferences, _: Preferences) -> Mapping[str, Any]:
    if not message.HasField("quiet_hours"):
        return {"quiet_hours": None}
    return _quiet(message.quiet_hours.start, message.quiet_hours.end)


def _quiet_start(message: pb.Preferences, before: Preferences) -> Mapping[str, Any]:
    end = f"{before.quiet_hours.end:%H:%M}" if before.quiet_hours else message.quiet_hours.end
    return _quiet(message.quiet_hours.start, end)


def _quiet_end(message: pb.Preferences, before: Preferences) -> Mapping[str, Any]:
    start = f"{before.quiet_hours.start:%H:%M}" if before.quiet_hours else message.quiet_hours.start
    return _quiet(start, message.quiet_hours.end)


def _quiet(start: str, end: str) -> Mapping[str, Any]:
    for name, said in (("start", start), ("end", end)):
        if not said:
            raise InvalidField.named(f"preferences.quiet_hours.{name}", said, "must be a time of the day such as 22:00")
    if start == end:
        raise InvalidField.named("preferences.quiet_hours.end", end, "must be another time than their start")
    return {"quiet_hours": QuietHours(time.fromisoformat(start), time.fromisoformat(end))}


def _digest(message: pb.Preferences, _: Preferences) -> Mapping[str, Any]:
    return {"digest": message.digest or _DEFAULTS.digest}


def _digest_hour(message: pb.Preferences, _: Preferences) -> Mapping[str, Any]:
    return {"digest_hour": message.digest_hour if message.HasField("digest_hour") else _DEFAULTS.digest_hour}


def _rules(message: pb.Preferences, _: Preferences) -> Mapping[str, Any]:
    rules: dict[Reason, Rule] = {}
    for number, rule in enumerate(message.rules):
        if rule.reason in rules:
            raise InvalidField.named(
                f"preferences.rules[{number}].reason", _name(rule.reason), "stands there already: one rule a reason"
            )
        inbox = rule.inbox if rule.HasField("inbox") else True
        rules[rule.reason] = Rule(inbox, rule.email or pb.PreferenceRule.INSTANT)
    return {"rules": rules}


def _name(reason: Reason) -> str:
    return Notification.Reason.Name(reason)


_READ: Final[Mapping[str, Callable[[pb.Preferences, Preferences], Mapping[str, Any]]]] = {
    "time_zone": _time_zone,
    "language": _language,
    "quiet_hours": _quiet_hours,
    "quiet_hours.start": _quiet_start,
    "quiet_hours.end": _quiet_end,
    "digest": _digest,
    "digest_hour": _digest_hour,
    "rules": _rules,
}
_WHOLE: Final = tuple(path for path in _READ if "." not in path)
