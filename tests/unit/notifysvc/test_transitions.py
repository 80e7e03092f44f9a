"""What a change means to a subscription."""

import pytest
from google.protobuf.struct_pb2 import ListValue
from taskbell.events.v1.events_pb2 import Event, Previous
from taskbell.notifications.v1.notifications_pb2 import WatchRequest
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.entry import Entry
from notifysvc.interest import Interest

ENTER, CHANGE, LEAVE, UNSAID = Event.ENTER, Event.CHANGE, Event.LEAVE, Event.TRANSITION_UNSPECIFIED
MINE, YOURS = "project-mine", "project-yours"


def changed(before: Previous | None, after: Task, *fields: str, type_: str = "task.updated") -> Entry:
    event = Event(event_id="e", type=type_, project_id=after.project_id, task=after, changed_fields=fields)
    if before is not None:
        event.previous.CopyFrom(before)
    return Entry.of(1, 2, 3, event.SerializeToString())


def left(task: Task, destination: str) -> Entry:
    event = Event(type="task.left", project_id=task.project_id, task=task, destination_id=destination)
    return Entry.of(1, 2, 3, event.SerializeToString())


def meaning(entry: Entry, projects: set[str] | None = None, **wanted: object) -> int | None:
    interest = Interest.of(WatchRequest(**wanted), "me")  # type: ignore[arg-type]  # a test knows its fields
    return interest.means(entry, "me", projects or {MINE})


def task(**values: object) -> Task:
    return Task(**{"project_id": MINE, "title": "milk", "version": 5} | values)  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize(
    ("before", "after", "fields", "transition"),
    [
        (Previous(status=Task.PENDING), task(status=Task.FAILED), ("status",), ENTER),
        (Previous(title="old"), task(status=Task.FAILED), ("title",), CHANGE),
        (Previous(status=Task.FAILED), task(status=Task.PENDING), ("status",), LEAVE),
        (Previous(title="old"), task(status=Task.PENDING), ("title",), None),
    ],
)
def test_a_filter_is_told_when_a_task_comes_to_match_changes_and_ceases_to_match(before, after, fields, transition):
    assert meaning(changed(before, after, *fields), filter="status = FAILED") == transition


def test_values_that_were_empty_before_count_too():
    given = changed(
        Previous(), task(assignee_id="019a0000-0000-7000-8000-000000000000", labels=["a"]), "assignee_id", "labels"
    )
    assert meaning(given, filter="NOT assignee_id:*") == LEAVE
    assert meaning(given, filter="labels:a") == ENTER
    both = ListValue()
    both.extend(["a", "b"])
    taken = changed(Previous(labels=both), task(labels=["b"]), "labels")
    assert meaning(taken, filter="labels:a") == LEAVE
    assert meaning(taken, filter="labels:b") == CHANGE


def test_stamps_count_though_no_field_tells_of_them():
    begun = task(status=Task.IN_PROGRESS)
    begun.start_time.GetCurrentTime()
    started = changed(Previous(status=Task.PENDING), begun, "status", type_="task.started")
    assert meaning(started, filter="start_time:*") == ENTER


def test_a_new_task_comes_and_a_deleted_one_goes_and_comes_back():
    alive, deleted = task(), task()
    deleted.delete_time.GetCurrentTime()
    when = Previous(delete_time=deleted.delete_time)
    created = changed(None, alive, "title", type_="task.created")
    gone = changed(Previous(), deleted, "delete_time", type_="task.deleted")
    back = changed(when, alive, "delete_time", type_="task.restored")
    narrowed: list[dict[str, str]] = [{}, {"project": MINE}, {"filter": 'title:"milk"'}]
    for wanted in narrowed:
        assert [meaning(each, None, **wanted) for each in (created, gone, back)] == [ENTER, LEAVE, ENTER]
    assert meaning(gone, filter="delete_time:*") == ENTER
    assert meaning(back, filter="delete_time:*") == LEAVE


def test_a_task_that_moves_leaves_one_project_and_enters_the_other():
    here, there = task(project_id=MINE), task(project_id=YOURS)
    came = changed(Previous(project_id=MINE), there, "project_id")
    gone = left(here, YOURS)
    assert gone.event.destination_id == ""
    # Who sees both projects and asked for no one of them: it changed.
    assert (meaning(came, {MINE, YOURS}), meaning(gone, {MINE, YOURS})) == (CHANGE, None)
    # Who sees only the new one, or asked for it: it enters.
    assert meaning(came, {YOURS}) == ENTER
    assert meaning(came, {MINE, YOURS}, project=YOURS) == ENTER
    # Who sees only the old one, or asked for it: it leaves.
    assert meaning(gone, {MINE}) == LEAVE
    assert (meaning(came, {MINE, YOURS}, project=MINE), meaning(gone, {MINE, YOURS}, project=MINE)) == (None, LEAVE)
    assert meaning(gone, {MINE}, filter="status = FAILED") is None


def test_what_a_task_was_in_a_project_is_not_told_to_who_does_not_see_that_project():
    came = changed(Previous(project_id=MINE, title="secret"), task(project_id=YOURS), "project_id", "title")
    assert Event.FromString(came.encoded(CHANGE, {MINE, YOURS}).event).previous.title == "secret"
    told = Event.FromString(came.encoded(ENTER, {YOURS}).event)
    assert (told.HasField("previous"), told.transition, told.task.project_id) == (False, ENTER, YOURS)
    assert b"secret" not in came.encoded(ENTER, {YOURS}).field


def test_what_tells_nothing_of_before_is_a_change_of_what_matches():
    commented = changed(None, task(), "text", type_="comment.created")
    assert meaning(commented, filter='title:"milk"') == CHANGE
    assert meaning(commented, filter="status = FAILED") is None


def test_the_inbox_and_what_is_no_task_have_no_transition():
    member = Entry.of(1, 2, 3, Event(type="member.added", project_id=MINE).SerializeToString())
    assert (meaning(member), meaning(member, filter="status = FAILED")) == (UNSAID, None)
    given = changed(Previous(), task(assignee_id="me"), "assignee_id")
    assert meaning(given, inbox=True) == UNSAID
    assert meaning(given, inbox=True, filter='title:"bread"') is None
