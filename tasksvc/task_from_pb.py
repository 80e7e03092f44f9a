"""What a caller says of a task: a new one, or new values for some of its fields. What the server owns is not read."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.tasks.v1 import tasks_pb2 as pb
from uuid_utils.compat import uuid7

from chassis.errors import InvalidField, InvalidUpdateMask
from tasksvc.domain.change import Change, existing, update
from tasksvc.domain.series import recurring
from tasksvc.domain.task import Priority, RecurrenceMode, Task, UniqueScope

LARGEST_PAYLOAD: Final = 256 * 1024
LARGEST_STRUCT: Final = 448 * 1024
"""An event carries a payload and a result, and NATS takes 1 MiB: more would wait in the outbox for ever."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS_1_TO_9999: Final = range(-62_135_596_800, 253_402_300_800)
_EXACT: Final = 2**53
_NANOS: Final = range(1_000_000_000)


@dataclass(frozen=True, slots=True)
class Patch:
    """New values by field, and what the caller says of the fields that are fixed."""

    values: dict[str, Any]
    fixed: dict[str, Any]

    def of(self, task: Task) -> Change | None:
        """The change that it makes; None if the task has those values already."""
        for name, value in self.fixed.items():
            if getattr(task, name) != value:
                raise _not_changeable(name)
        return update(task, recurring(existing(task), self.values, datetime.now(UTC)))


def new_task(message: pb.Task, project_id: str, creator_id: str) -> Task:
    """The first version of a task."""
    _check_work(message)
    values = {name: read(message) for name, read in _READ.items()}
    values |= {name: read(message) for name, read in _FIXED.items()}
    values |= {"id": str(uuid7()), "project_id": project_id, "creator_id": creator_id}
    empty = Task(id=values["id"], project_id=project_id, creator_id=creator_id, title="")
    return Task(**recurring(empty, values, datetime.now(UTC)))


def patch(message: pb.Task, mask: FieldMask) -> Patch:
    """What the mask names; without one, what is set in the message. Raises InvalidUpdateMask, InvalidField."""
    named = [_NAMES.get(path, path) for path in mask.paths]
    if not named or named == ["*"]:
        fixed = [name for name in _FIXED if _is_set(message, name)]
        # A task is always in some project: left out, it stays where it is.
        changed = [name for name in _READ if _is_set(message, name) or (named and name != "project_id")]
    else:
        for path in named:
            if path not in pb.Task.DESCRIPTOR.fields_by_name:
                raise _not_changeable(path)
        fixed = [path for path in named if path in _FIXED]
        # What the server owns is passed over (AIP-203): a client may name all that it has read.
        changed = [path for path in named if path in _READ]
    values = {name: _READ[name](message) for name in dict.fromkeys(changed)}
    if values.get("project_id") == "":
        raise InvalidField.named("task.project_id", "", "can't be cleared: name the project that the task moves to")
    return Patch(values, {name: _FIXED[name](message) for name in fixed})


def _not_changeable(path: str) -> InvalidUpdateMask:
    if path == "*":
        why = "stands alone"
    elif path in _FIXED:
        why = "is fixed when the task is created"
    else:
        why = "is no field of a task"
    return InvalidUpdateMask(
        f"update_mask: {path[:64]!r} {why}. These can be changed: {', '.join(_READ)}; `*` is all of them.",
        metadata={"path": path[:64], "allowed": ",".join(_READ)},
    )


def _is_set(message: pb.Task, name: str) -> bool:
    return any(field.name == name for field, _ in message.ListFields())


def _title(message: pb.Task) -> str:
    if not message.title.strip():
        raise InvalidField.named("task.title", message.title, "must not be blank")
    return _text(message, "title")


def _text(message: pb.Task, name: str) -> str:
    text: str = getattr(message, name)
    if "\0" in text:
        raise InvalidField.named(f"task.{name}", text, "must not contain the character U+0000")
    return text


def _priority(message: pb.Task) -> Priority:
    return Priority(message.priority) if message.priority else Priority.NORMAL


def _time(message: pb.Task, name: str) -> datetime | None:
    if not message.HasField(name):  # type: ignore[arg-type]  # one of the times
        return None
    time: Timestamp = getattr(message, name)
    if time.seconds not in _YEARS_1_TO_9999 or time.nanos not in _NANOS:
        told = f"{time.seconds} s {time.nanos} ns"
        raise InvalidField.named(f"task.{name}", told, "must be a time in the years 1 to 9999")
    return _EPOCH + timedelta(seconds=time.seconds, microseconds=time.nanos // 1000)


def _payload(message: pb.Task) -> Mapping[str, Any] | None:
    return struct_to_json(message.payload, "task.payload") if message.HasField("payload") else None


def _check_work(message: pb.Task) -> None:
    """Refuses what says nothing without something else."""
    for name in ("concurrency_key", "max_attempts"):
        if not message.queue and getattr(message, name):
            raise InvalidField.named(f"task.{name}", getattr(message, name), "is for tasks with a queue only")
    scope = pb.Task.UniqueScope.Name(message.unique_scope)
    period = _unique_period(message)
    if not message.unique_key and (message.unique_scope or period is not None):
        raise InvalidField.named("task.unique_key", "", "must be set where unique_scope or unique_period is")
    if message.unique_scope == pb.Task.PERIOD and period is None:
        raise InvalidField.named("task.unique_period", "", "must be set for the unique_scope PERIOD")
    if message.unique_scope != pb.Task.PERIOD and period is not None:
        told = f"goes with the unique_scope PERIOD, not {scope}"
        raise InvalidField.named("task.unique_period", f"{period:g}s", told)


def _unique_scope(message: pb.Task) -> UniqueScope:
    if not message.unique_key:
        return UniqueScope.UNSAID
    return UniqueScope(message.unique_scope) or UniqueScope.RUNNING


def _unique_period(message: pb.Task) -> float | None:
    return message.unique_period.ToTimedelta().total_seconds() if message.HasField("unique_period") else None


def struct_to_json(struct: Struct, field: str) -> Mapping[str, Any]:
    """The object as PostgreSQL can keep it, up to 256 KiB. Raises InvalidField."""
    # Of a list of numbers, protobuf makes five times the bytes that JSON does.
    if struct.ByteSize() > LARGEST_STRUCT:
        told = f"{struct.ByteSize()} bytes as a protobuf message"
        raise InvalidField.named(field, told, f"must be at most {LARGEST_STRUCT} bytes")
    try:
        value: Mapping[str, Any] = _json(struct)
    except ValueError as error:
        raise InvalidField.named(field, str(error), "can't be kept") from None
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST_PAYLOAD:
        raise InvalidField.named(field, f"{size} bytes of JSON", f"must be at most {LARGEST_PAYLOAD} bytes")
    return value


def _json(value: Struct) -> dict[str, Any]:
    return {_storable(name): _json_value(item) for name, item in value.fields.items()}


def _json_value(value: Value) -> Any:  # noqa: PLR0911  # one a kind of value
    match value.WhichOneof("kind"):
        case "string_value":
            return _storable(value.string_value)
        case "number_value":
            number = value.number_value
            if number.is_integer() and abs(number) < _EXACT:
                return int(number)
            if not math.isfinite(number):
                raise ValueError(f"the number {number}")
            return number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _json(value.struct_value)
        case "list_value":
            return [_json_value(item) for item in value.list_value.values]
    return None


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("the character U+0000")
    return text


# UUIDs come in any case and are kept in one.
_READ: Final[Mapping[str, Callable[[pb.Task], Any]]] = {
    "project_id": lambda message: message.project_id.lower(),
    "title": _title,
    "description": lambda message: _text(message, "description"),
    "priority": _priority,
    "labels": lambda message: tuple(dict.fromkeys(message.labels)),
    "assignee_id": lambda message: message.assignee_id.lower() or None,
    "due_time": lambda message: _time(message, "due_time"),
    "schedule_time": lambda message: _time(message, "schedule_time"),
    "parent_id": lambda message: message.parent_id.lower() or None,
    "blocked_by": lambda message: tuple(dict.fromkeys(each.lower() for each in message.blocked_by)),
    "recurrence": lambda message: message.recurrence,
    "recurrence_mode": lambda message: RecurrenceMode(message.recurrence_mode),
    "recurrence_time_zone": lambda message: message.recurrence_time_zone,
}
_FIXED: Final[Mapping[str, Callable[[pb.Task], Any]]] = {
    "queue": lambda message: message.queue,
    "payload": _payload,
    "unique_key": lambda message: _text(message, "unique_key"),
    "unique_scope": _unique_scope,
    "unique_period": _unique_period,
    "concurrency_key": lambda message: _text(message, "concurrency_key"),
    "max_attempts": lambda message: message.max_attempts,
}
_NAMES: Final = {field.json_name: field.name for field in pb.Task.DESCRIPTOR.fields}
