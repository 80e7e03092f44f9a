"""What a caller says of a queue's settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.queues.v1 import queues_pb2 as pb

from chassis.errors import InvalidField, InvalidUpdateMask
from tasksvc.domain.queue import QueueSettings

_DEFAULTS: Final = QueueSettings()


@dataclass(frozen=True, slots=True)
class SettingsPatch:
    """New values by setting."""

    values: Mapping[str, Any]

    def of(self, settings: QueueSettings) -> QueueSettings:
        """The settings with these values. Raises InvalidField if they don't go together."""
        after = replace(settings, **self.values)
        if after.backoff_initial > after.backoff_max:
            allowed = f"must be at most queue.backoff.max, which is {after.backoff_max:g} seconds"
            raise InvalidField.named("queue.backoff.initial", f"{after.backoff_initial:g} seconds", allowed)
        return after


def settings_patch(message: pb.Queue, mask: FieldMask) -> SettingsPatch:
    """What the mask names, `rate_limit.period` too; without one, what is set in the message. Raises InvalidUpdateMask.

    What says which queue is meant, and what the server owns, is passed over: a client may send back what it read.
    """
    if list(mask.paths) == ["*"]:
        paths = list(_READ)
    elif mask.paths:
        paths = [_NAMES.get(path, path) for path in mask.paths]
    else:
        paths = [field.name for field, _ in message.ListFields()]
    values: dict[str, Any] = {}
    for path in paths:
        if path in _READ:
            values |= _READ[path](message)
        elif path not in pb.Queue.DESCRIPTOR.fields_by_name:
            raise InvalidUpdateMask(
                f"update_mask: {path[:64]!r} is no setting of a queue. These can be changed: {', '.join(_READ)}; "
                "`*` is all of them.",
                metadata={"path": path[:64], "allowed": ",".join(_READ)},
            )
    return SettingsPatch(values)


def _seconds(message: pb.Queue | pb.RateLimit | pb.Backoff, name: str, default: Any) -> Any:
    if not message.HasField(name):  # type: ignore[arg-type]  # one of the durations
        return default
    seconds: float = getattr(message, name).ToTimedelta().total_seconds()
    return seconds


def _rate_tasks(message: pb.Queue) -> dict[str, Any]:
    return {"rate_tasks": message.rate_limit.tasks}


def _rate_period(message: pb.Queue) -> dict[str, Any]:
    return {"rate_period": _seconds(message.rate_limit, "period", _DEFAULTS.rate_period)}


def _backoff_initial(message: pb.Queue) -> dict[str, Any]:
    return {"backoff_initial": _seconds(message.backoff, "initial", _DEFAULTS.backoff_initial)}


def _backoff_max(message: pb.Queue) -> dict[str, Any]:
    return {"backoff_max": _seconds(message.backoff, "max", _DEFAULTS.backoff_max)}


# What is cleared gets its default.
_READ: Final[Mapping[str, Callable[[pb.Queue], Mapping[str, Any]]]] = {
    "max_concurrency": lambda message: {"max_concurrency": message.max_concurrency},
    "max_concurrency_per_key": lambda message: {"max_concurrency_per_key": message.max_concurrency_per_key},
    "rate_limit": lambda message: _rate_tasks(message) | _rate_period(message),
    "rate_limit.tasks": _rate_tasks,
    "rate_limit.period": _rate_period,
    "default_max_attempts": lambda message: {
        "default_max_attempts": message.default_max_attempts or _DEFAULTS.default_max_attempts
    },
    "backoff": lambda message: _backoff_initial(message) | _backoff_max(message),
    "backoff.initial": _backoff_initial,
    "backoff.max": _backoff_max,
    "default_lease_duration": lambda message: {
        "default_lease_duration": _seconds(message, "default_lease_duration", _DEFAULTS.default_lease_duration)
    },
    "retention": lambda message: {"retention": _seconds(message, "retention", _DEFAULTS.retention)},
}
_NAMES: Final = {field.json_name: field.name for field in pb.Queue.DESCRIPTOR.fields} | {
    f"{field.json_name}.{inner.json_name}": f"{field.name}.{inner.name}"
    for field in pb.Queue.DESCRIPTOR.fields
    if field.message_type is not None and not field.is_repeated
    for inner in field.message_type.fields
}
