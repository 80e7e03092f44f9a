"""One event at its place in the stream, ready for all who are told of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeAlias

from google.protobuf.struct_pb2 import ListValue
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Events
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.concerned import Reason, concerned
from notifysvc.cursor import Cursor, trace_of
from notifysvc.wire import bytes_field, number_field

if TYPE_CHECKING:
    Transition: TypeAlias = Event.Transition.ValueType  # in the stub file only

_STAMPS = ("start_time", "end_time", "update_time", "version")


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event as it is told."""

    event: bytes
    """By itself."""
    field: bytes
    """Among the others of an `Events`."""


@dataclass(frozen=True)
class Entry:
    """Shared by all who read it: never changed."""

    cursor: Cursor
    event: Event
    """With its cursor, and without its destination."""
    destination: str = ""
    """The project that the task left for, of `task.left`: not to be told."""
    size: int = 0
    _encoded: dict[tuple[int, bool], Encoded] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, stream: int, sequence: int, stored: int, data: bytes) -> Self:
        """The event that a message carries, stored at that microsecond. Raises DecodeError if it carries none."""
        event = Event.FromString(data)
        cursor = Cursor(stream, sequence, trace_of(event.event_id, stored))
        event.cursor = str(cursor)
        destination = event.destination_id
        event.ClearField("destination_id")
        return cls(cursor, event, destination, len(data))

    @cached_property
    def concerned(self) -> Mapping[str, Reason]:
        """The users whom it concerns, and why."""
        return concerned(self.event)

    @cached_property
    def before(self) -> Task | None:
        """The task before the change; None if there was none. As it is, if the event changed nothing."""
        event = self.event
        if event.type == "task.created":
            return None
        if not event.HasField("previous"):
            return event.task
        task = Task()
        task.CopyFrom(event.task)
        for name in (*event.changed_fields, *_STAMPS):
            if name in Task.DESCRIPTOR.fields_by_name:
                task.ClearField(name)  # type: ignore[arg-type]  # it is a field's
        for known, value in event.previous.ListFields():
            if known.message_type is None:
                setattr(task, known.name, value)
            elif isinstance(value, ListValue):
                getattr(task, known.name).extend(value)
            else:
                getattr(task, known.name).CopyFrom(value)
        return task

    def encoded(self, transition: "Transition", projects: Collection[str]) -> Encoded:
        """As it is told to whoever sees these projects; what it was in others is left out."""
        bare = bool(self.came_from) and self.came_from not in projects
        known = self._encoded.get((transition, bare))
        if known is None:
            known = self._encoded[transition, bare] = self._encode(transition, bare=bare)
        return known

    @cached_property
    def came_from(self) -> str:
        """The project that the task moved from, if it did."""
        return self.event.previous.project_id

    @cached_property
    def _serialised(self) -> bytes:
        return self.event.SerializeToString()

    def _encode(self, transition: "Transition", *, bare: bool) -> Encoded:
        data = self._serialised
        if bare:
            event = Event()
            event.CopyFrom(self.event)
            event.ClearField("previous")
            data = event.SerializeToString()
        if transition:
            data += number_field(Event.TRANSITION_FIELD_NUMBER, transition)
        return Encoded(data, bytes_field(Events.EVENTS_FIELD_NUMBER, data))
