"""What events tell of how a task was before."""

from datetime import UTC, datetime

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct
from taskbell.events.v1.events_pb2 import Event
from taskbell.projects.v1.projects_pb2 import CreateProjectRequest, Project
from taskbell.queues.v1.queues_pb2 import ExtendLeaseRequest, FailLeaseRequest, ReportProgressRequest
from taskbell.tasks.v1 import tasks_pb2 as pb

from tests.integration.tasksvc.conftest import Person
from tests.integration.tasksvc.outbox import Outbox
from tests.integration.tasksvc.queue.conftest import Bench, seconds

STAMPS = ("start_time", "end_time", "update_time", "version")
UNTOLD = ("etag", "progress")
"""An attempt's progress ends with the attempt."""


async def told(outbox: Outbox, task: pb.Task) -> list[Event]:
    await outbox.emptied()
    return [event for _, event in await outbox.published() if event.task_id == task.id]


def before(event: Event) -> pb.Task:
    """The task as it was, out of the event alone."""
    task = pb.Task()
    task.CopyFrom(event.task)
    for name in (*event.changed_fields, *STAMPS):
        task.ClearField(name)  # type: ignore[arg-type]  # it is a field's
    for field, value in event.previous.ListFields():
        if isinstance(value, ListValue):
            getattr(task, field.name).extend(value)
        elif isinstance(value, Message):
            getattr(task, field.name).CopyFrom(value)
        else:
            setattr(task, field.name, value)
    return comparable(task)


def comparable(task: pb.Task) -> pb.Task:
    copy = pb.Task()
    copy.CopyFrom(task)
    for name in UNTOLD:
        copy.ClearField(name)  # type: ignore[arg-type]  # likewise
    return copy


async def update(person: Person, task: pb.Task, *mask: str, **values: object) -> pb.Task:
    changed = pb.Task(id=task.id, **values)  # type: ignore[arg-type]  # a test knows its fields
    request = pb.UpdateTaskRequest(task=changed, update_mask=FieldMask(paths=mask))
    return await person.api.tasks.UpdateTask(request)


async def test_each_event_tells_the_values_that_its_change_replaced(ann: Person, outbox: Outbox) -> None:
    tasks = ann.api.tasks
    task = await tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title="milk", labels=["a", "b"])))
    due = datetime(2030, 1, 1, tzinfo=UTC)
    await update(ann, task, "title", "description", title="bread", description="x" * 10_000)
    await update(ann, task, "labels", "due_time", "assignee_id", labels=["b"], due_time=due, assignee_id=ann.id)
    await update(ann, task, "due_time", "assignee_id", "priority", priority=pb.Task.URGENT)
    await tasks.StartTask(pb.StartTaskRequest(id=task.id))
    await tasks.CompleteTask(pb.CompleteTaskRequest(id=task.id))
    await tasks.ReopenTask(pb.ReopenTaskRequest(id=task.id))
    await tasks.DeleteTask(pb.DeleteTaskRequest(id=task.id))
    await tasks.RestoreTask(pb.RestoreTaskRequest(id=task.id))
    first, *others = await told(outbox, task)
    assert not first.HasField("previous")
    assert len(others) == 8
    assert [before(event) for event in others] == [comparable(event.task) for event in (first, *others[:-1])]
    assert others[0].previous.title == "milk"
    assert not others[3].previous.description  # what stays is not told twice


async def test_so_do_the_events_of_what_workers_change(ann: Person, outbox: Outbox) -> None:
    queue, queues = Bench(ann, "previous"), ann.api.queues
    task = await queue.add(max_attempts=3)
    lease = await queue.lease_one(worker="a")
    await queues.ExtendLease(ExtendLeaseRequest(lease_id=lease.lease_id, lease_duration=seconds(60)))
    await queues.ReportProgress(ReportProgressRequest(lease_id=lease.lease_id, percent=50, message="half"))
    await queues.FailLease(
        FailLeaseRequest(lease_id=lease.lease_id, error="no", retryable=True, retry_after=seconds(0))
    )
    lease = await queue.lease_one(worker="b", wait=5)
    await queue.release(lease)
    lease = await queue.lease_one(worker="c", wait=5)
    result = Struct()
    result.update({"lines": 3})
    await queue.complete(lease, result=result)
    first, *others = await told(outbox, task)
    assert [event.type.removeprefix("task.") for event in (first, *others)] == [
        *("created", "started", "extended", "progressed", "retried", "started", "released", "started", "completed"),
    ]
    assert [before(event) for event in others] == [comparable(event.task) for event in (first, *others[:-1])]
    assert others[-1].previous.worker == "c"


async def test_a_task_that_moves_is_told_of_in_both_projects_and_once_in_its_history(
    ann: Person, outbox: Outbox
) -> None:
    project = await ann.api.projects.CreateProject(CreateProjectRequest(project=Project(title="house")))
    task = await ann.api.tasks.CreateTask(pb.CreateTaskRequest(task=pb.Task(title="milk")))
    home = task.project_id
    for there, title in ((project.id, "bread"), (home, "milk again"), (project.id, "bread again")):
        await update(ann, task, "project_id", "title", project_id=there, title=title)
    first, *others = await told(outbox, task)
    assert [(event.type, event.project_id, event.task_version) for event in others] == [
        ("task.updated", project.id, 2),
        ("task.left", home, 2),
        ("task.updated", home, 3),
        ("task.left", project.id, 3),
        ("task.updated", project.id, 4),
        ("task.left", home, 4),
    ]
    came, left = others[:2]
    assert (came.previous.project_id, came.previous.title) == (home, "milk")
    assert before(came) == comparable(first.task)
    # There is nothing of the other project in what the first one hears.
    assert (left.task, left.destination_id, list(left.changed_fields)) == (first.task, project.id, ["project_id"])
    history = await ann.api.tasks.ListTaskHistory(pb.ListTaskHistoryRequest(id=task.id))
    assert [change.version for change in history.history] == [4, 3, 2, 1]
