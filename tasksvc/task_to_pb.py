"""A task as callers get it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.etag import etag
from tasksvc.domain.change import PastChange
from tasksvc.domain.task import Task

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86400


def task_to_pb(task: Task) -> pb.Task:
    """The message; what the task doesn't have is absent in it."""
    message = pb.Task(
        id=task.id,
        project_id=task.project_id,
        title=task.title,
        description=task.description,
        status=pb.Task.Status.Value(task.status.name),
        priority=pb.Task.Priority.Value(task.priority.name),
        labels=task.labels,
        creator_id=task.creator_id,
        assignee_id=task.assignee_id or "",
        create_time=time_to_pb(task.create_time),
        update_time=time_to_pb(task.update_time),
        parent_id=task.parent_id or "",
        version=task.version,
        etag=task_etag(task),
        queue=task.queue,
        attempt=task.attempt,
        last_error=task.last_error,
        worker=task.worker,
        due_time=_maybe(task.due_time),
        schedule_time=_maybe(task.schedule_time),
        start_time=_maybe(task.start_time),
        end_time=_maybe(task.end_time),
        delete_time=_maybe(task.delete_time),
        lease_expire_time=_maybe(task.lease_expire_time),
        unique_key=task.unique_key,
        concurrency_key=task.concurrency_key,
        max_attempts=task.max_attempts,
        blocked_by=task.blocked_by,
        recurrence=task.recurrence,
        recurrence_time_zone=task.recurrence_time_zone,
        series_id=task.series_id or "",
    )
    if task.unique_key:
        message.unique_scope = pb.Task.UniqueScope.Value(task.unique_scope.name)
    if task.recurrence:
        message.recurrence_mode = pb.Task.RecurrenceMode.Value(task.recurrence_mode.name)
    if task.unique_period is not None:
        message.unique_period.FromTimedelta(timedelta(seconds=task.unique_period))
    if task.payload is not None:
        message.payload.update(task.payload)
    if task.result is not None:
        message.result.update(task.result)
    if task.progress_percent or task.progress_message:
        message.progress.percent = task.progress_percent
        message.progress.message = task.progress_message
    return message


def change_to_pb(change: PastChange) -> pb.TaskChange:
    """A change as history tells it."""
    return pb.TaskChange(
        event_id=change.event_id,
        type=change.type,
        time=time_to_pb(change.time),
        actor_id=change.actor_id or "",
        version=change.task.version,
        changed_fields=change.fields,
        task=task_to_pb(change.task),
    )


def task_etag(task: Task) -> str:
    """The etag of this version."""
    return etag(task.id, task.version)


def time_to_pb(time: datetime) -> Timestamp:
    """The same moment, to the microsecond."""
    since = time - _EPOCH
    return Timestamp(seconds=since.days * _DAY + since.seconds, nanos=since.microseconds * 1000)


def _maybe(time: datetime | None) -> Timestamp | None:
    return None if time is None else time_to_pb(time)
