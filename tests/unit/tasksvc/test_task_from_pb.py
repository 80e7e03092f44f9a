import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.tasks.v1 import tasks_pb2 as pb

from chassis.errors import InvalidField, InvalidUpdateMask
from tasksvc.domain.task import Priority, RecurrenceMode, Task
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


@pytest.mark.parametrize("path", ["colour", "title.x", "", "task.title", "progress.percent"])
def test_what_is_no_field_is_refused_by_name(path: str) -> None:
    with pytest.raises(InvalidUpdateMask) as refusal:
        patch(pb.Task(title="t"), FieldMask(paths=["title", path]))
    assert repr(path) in str(refusal.value)
    assert [violation.field for violation in refusal.value.violations] == ["update_mask"]
    assert all(name in str(refusal.value) for name in ALL)


@pytest.mark.parametrize("path", ["status", "createTime", "version", "creator_id", "result", "id", "etag"])
def test_what_the_server_owns_is_passed_over(path: str) -> None:
    message = pb.Task(title="t", status=pb.Task.COMPLETED, version=9, creator_id="somebody")
    assert changed(message, "title", path) == {"title"}


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


WEEKLY = replace(
    TASK, recurrence="FREQ=WEEKLY", recurrence_mode=RecurrenceMode.ON_SCHEDULE, recurrence_time_zone="Asia/Tokyo"
)


def recurs(task: Task | None) -> tuple[str, str, str]:
    assert task is not None
    return task.recurrence, task.recurrence_mode.name, task.recurrence_time_zone


def patched(task: Task, message: pb.Task, *paths: str) -> Task:
    change = patch(message, FieldMask(paths=paths)).of(task)
    return task if change is None else change.task


def test_a_new_task_that_recurs_has_a_mode_and_is_the_first_of_its_series() -> None:
    task = draft(pb.Task(title="t", recurrence="FREQ=DAILY"))
    assert recurs(task) == ("FREQ=DAILY", "AFTER_END", "")
    assert task.series_id == task.id
    assert draft(pb.Task(title="t")).series_id is None


def test_a_mask_with_the_rule_alone_keeps_how_the_task_recurs() -> None:
    assert recurs(patched(TASK, pb.Task(recurrence="FREQ=DAILY"), "recurrence")) == ("FREQ=DAILY", "AFTER_END", "")
    kept = patched(WEEKLY, pb.Task(recurrence="FREQ=DAILY"), "recurrence")
    assert recurs(kept) == ("FREQ=DAILY", "ON_SCHEDULE", "Asia/Tokyo")
    assert kept.series_id == WEEKLY.id


def test_how_a_task_recurs_is_changed_without_naming_its_rule() -> None:
    zone = pb.Task(recurrence_time_zone="Europe/Berlin")
    assert recurs(patched(WEEKLY, zone)) == ("FREQ=WEEKLY", "ON_SCHEDULE", "Europe/Berlin")
    mode = pb.Task(recurrence_mode=pb.Task.AFTER_END)
    assert recurs(patched(WEEKLY, mode, "recurrenceMode")) == ("FREQ=WEEKLY", "AFTER_END", "Asia/Tokyo")
    assert recurs(patched(WEEKLY, pb.Task(), "recurrence_mode")) == ("FREQ=WEEKLY", "AFTER_END", "Asia/Tokyo")


@pytest.mark.parametrize("paths", [["recurrence"], ["recurrence", "recurrence_mode", "recurrence_time_zone"], ["*"]])
def test_without_its_rule_a_task_has_neither_mode_nor_time_zone(paths: list[str]) -> None:
    assert recurs(patched(WEEKLY, pb.Task(title="title", queue="q", payload=struct(a=1)), *paths)) == ("", "UNSAID", "")


@pytest.mark.parametrize("field", ["recurrence_mode", "recurrence_time_zone"])
def test_how_a_task_recurs_is_not_said_without_a_rule(field: str) -> None:
    message = pb.Task(title="t", recurrence_mode=pb.Task.ON_SCHEDULE, recurrence_time_zone="Asia/Tokyo")
    message.ClearField("recurrence_mode" if field == "recurrence_time_zone" else "recurrence_time_zone")
    for refused in (
        lambda: draft(message),
        lambda: patched(TASK, message, field),
        lambda: patched(WEEKLY, message, field, "recurrence"),
    ):
        with pytest.raises(InvalidField) as refusal:
            refused()
        assert refusal.value.violations[0].field == f"task.{field}"


def test_a_rule_is_looked_at_from_the_time_of_its_task() -> None:
    ended = pb.Task(title="t", recurrence="FREQ=DAILY;UNTIL=20250101", due_time=Timestamp(seconds=1_700_000_000))
    assert draft(ended).recurrence
    ended.ClearField("due_time")
    with pytest.raises(InvalidField, match="never comes"):
        draft(ended)
