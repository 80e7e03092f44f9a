import json
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import InvalidField, InvalidUpdateMask
from tasksvc.domain.task import Priority, Task
from tasksvc.task_from_pb import LARGEST_PAYLOAD, new_task, patch

ALL = {
    *("project_id", "title", "description", "priority", "labels", "assignee_id", "due_time", "schedule_time"),
    *("parent_id", "blocked_by", "recurrence", "recurrence_mode", "recurrence_time_zone"),
}
TASK = Task(id="t", project_id="p", title="title", creator_id="c", queue="q", payload={"a": 1})


def draft(message: pb.Task) -> Task:
    return new_task(message, "p", "c")


def test_a_new_task_has_what_the_caller_may_say_and_nothing_of_the_servers() -> None:
    message = pb.Task(
        id="x",
        title="title",
        status=pb.Task.COMPLETED,
        creator_id="somebody",
        version=9,
        labels=["b", "a", "b"],
        assignee_id="ABC",
        attempt=3,
    )
    message.create_time.seconds = 1
    task = draft(message)
    assert (task.project_id, task.creator_id, task.version, task.attempt) == ("p", "c", 1, 0)
    assert task.id != "x"
    assert (task.labels, task.assignee_id, task.priority) == (("b", "a"), "abc", Priority.NORMAL)


@pytest.mark.parametrize("title", ["", "  ", "\t\n\u00a0", "a\0b"])
def test_a_blank_title_is_refused(title: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        draft(pb.Task(title=title))
    assert refusal.value.violations[0].field == "task.title"


@pytest.mark.parametrize("title", [" x ", "<b>", "😀", "a\nb"])
def test_a_title_is_kept_as_it_is(title: str) -> None:
    assert draft(pb.Task(title=title)).title == title


def test_times_are_kept_to_the_microsecond() -> None:
    task = draft(pb.Task(title="t", due_time=Timestamp(seconds=-1, nanos=123456789)))
    assert task.due_time is not None
    assert task.due_time.isoformat() == "1969-12-31T23:59:59.123456+00:00"


@pytest.mark.parametrize(
    "time",
    [Timestamp(seconds=253402300800), Timestamp(seconds=-62135596801), Timestamp(nanos=-1), Timestamp(nanos=10**9)],
)
def test_a_time_that_no_calendar_has_is_refused(time: Timestamp) -> None:
    with pytest.raises(InvalidField) as refusal:
        draft(pb.Task(title="t", due_time=time))
    assert refusal.value.violations[0].field == "task.due_time"


def struct(**values: Any) -> Struct:
    made = Struct()
    made.update(values)
    return made


@pytest.mark.parametrize(
    "payload",
    [
        struct(a="x" * LARGEST_PAYLOAD),
        struct(a=[1] * 60_000),
        struct(a=float("nan")),
        struct(a=[float("inf")]),
        struct(a={"b": ["\0"]}),
        struct(**{"\0": 1}),
    ],
    ids=["too large", "too large on the bus", "no number", "infinite", "a NUL", "a NUL in a key"],
)
def test_a_payload_that_can_not_be_kept_is_refused(payload: Struct) -> None:
    with pytest.raises(InvalidField) as refusal:
        draft(pb.Task(title="t", payload=payload))
    assert refusal.value.violations[0].field == "task.payload"


def test_a_payload_of_just_256_kib_is_taken() -> None:
    payload = struct(a="x" * (LARGEST_PAYLOAD - len('{"a":""}')))
    assert draft(pb.Task(title="t", payload=payload)).payload is not None


def test_a_payload_is_kept_as_it_is() -> None:
    values = {"a": None, "b": True, "c": [1, -2.5, "x", False, [], {}], "d": {"e": 1e300, "": 0}, "f": 2**53}
    kept = draft(pb.Task(title="t", payload=struct(**values))).payload
    assert kept == values
    assert json.dumps(kept["c"]) == '[1, -2.5, "x", false, [], {}]'


def changed(message: pb.Task, *paths: str) -> set[str]:
    return set(patch(message, FieldMask(paths=paths)).values)


def test_without_a_mask_what_is_set_is_changed() -> None:
    message = pb.Task(id="t", title="new", labels=["a"], due_time=Timestamp(), status=pb.Task.FAILED, etag="e")
    assert changed(message) == {"title", "labels", "due_time"}


def test_a_mask_names_fields_in_either_case_and_clears_what_is_not_set() -> None:
    wanted = patch(pb.Task(), FieldMask(paths=["description", "dueTime", "assignee_id", "priority", "labels"]))
    assert wanted.values == {
        "description": "",
        "due_time": None,
        "assignee_id": None,
        "priority": Priority.NORMAL,
        "labels": (),
    }


def test_a_star_is_every_field_but_leaves_the_task_in_its_project() -> None:
    assert changed(pb.Task(title="t"), "*") == ALL - {"project_id"}
    assert changed(pb.Task(title="t", project_id="p"), "*") == ALL


@pytest.mark.parametrize(
    "path", ["colour", "status", "createTime", "version", "creator_id", "title.x", "", "task.title"]
)
def test_what_can_not_be_changed_is_refused_by_name(path: str) -> None:
    with pytest.raises(InvalidUpdateMask) as refusal:
        patch(pb.Task(title="t"), FieldMask(paths=["title", path]))
    assert repr(path) in str(refusal.value) or path == "createTime"
    assert all(name in str(refusal.value) for name in ALL)


def test_a_star_stands_alone() -> None:
    with pytest.raises(InvalidUpdateMask, match="alone"):
        patch(pb.Task(title="t"), FieldMask(paths=["*", "title"]))


@pytest.mark.parametrize("mask", [["title"], ["title", "etag", "id"], ["title", "queue", "payload"], []])
def test_a_client_may_send_back_what_it_read(mask: list[str]) -> None:
    message = pb.Task(id="t", title="title", queue="q", payload=struct(a=1), version=1, etag="e")
    assert patch(message, FieldMask(paths=mask)).of(TASK) is None


@pytest.mark.parametrize(
    ("message", "mask"),
    [
        (pb.Task(queue="other"), ["queue"]),
        (pb.Task(queue="other"), []),
        (pb.Task(title="t", queue="other"), ["*"]),
        (pb.Task(), ["queue"]),
        (pb.Task(payload=struct(a=2)), ["payload"]),
        (pb.Task(), ["payload"]),
    ],
)
def test_what_is_fixed_stays(message: pb.Task, mask: list[str]) -> None:
    with pytest.raises(InvalidUpdateMask, match="fixed when the task is created"):
        patch(message, FieldMask(paths=mask)).of(TASK)


@pytest.mark.parametrize(
    ("path", "violation"), [("title", "task.title"), ("project_id", "task.project_id")], ids=["title", "project"]
)
def test_a_task_always_has_a_title_and_a_project(path: str, violation: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        patch(pb.Task(), FieldMask(paths=[path]))
    assert refusal.value.violations[0].field == violation
