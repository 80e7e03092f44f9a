"""Events to measure with: of a task as people have them, all alike."""

from uuid import UUID

from taskbell.events.v1.events_pb2 import Event
from taskbell.tasks.v1.tasks_pb2 import Task

MARK = b"task.measured"
"""Stands once in each event, in protobuf and in JSON."""


def sample(number: int, project_id: str = "") -> Event:
    """The event with this number; each is of another task."""
    task = Task(
        id=str(UUID(int=number)),
        project_id=project_id or str(UUID(int=0)),
        title="Paint the kitchen walls",
        description="Two coats, and the ceiling first. " * 5,
        status=Task.PENDING,
        priority=Task.HIGH,
        labels=["home", "weekend"],
        creator_id=str(UUID(int=1)),
        assignee_id=str(UUID(int=2)),
        version=3,
        etag="35b4ymhjxensikss",
    )
    event = Event(
        type=MARK.decode(), event_id=str(UUID(int=number)), project_id=task.project_id, task_id=task.id, task=task
    )
    event.changed_fields.append("priority")
    event.previous.priority = Task.NORMAL
    event.time.GetCurrentTime()
    task.update_time.CopyFrom(event.time)
    return event
