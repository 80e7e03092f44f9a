import pytest
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.concerned import concerned

ANN, BOB = "ann", "bob"


def event(kind: str, *, creator: str = ANN, assignee: str = "", changed: tuple[str, ...] = ()) -> Event:
    task = Task(creator_id=creator, assignee_id=assignee)
    return Event(type=f"task.{kind}", actor_id=ANN, task=task, changed_fields=changed)


def test_a_new_task_concerns_its_assignee_alone() -> None:
    assert concerned(event("created")) == {}
    assert concerned(event("created", assignee=BOB)) == {BOB: Notification.ASSIGNED}


def test_a_new_assignee_is_told_and_other_changes_are_not() -> None:
    assert concerned(event("updated", assignee=BOB, changed=("title", "assignee_id"))) == {BOB: Notification.ASSIGNED}
    assert concerned(event("updated", assignee=BOB, changed=("title",))) == {}
    assert concerned(event("updated", changed=("assignee_id",))) == {}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("completed", Notification.COMPLETED),
        ("failed", Notification.FAILED),
        ("cancelled", Notification.CANCELLED),
    ],
)
def test_the_end_of_a_task_concerns_its_creator_and_its_assignee(
    kind: str, reason: Notification.Reason.ValueType
) -> None:
    assert concerned(event(kind, assignee=BOB)) == {ANN: reason, BOB: reason}


@pytest.mark.parametrize(("kind", "reason"), [("due_soon", Notification.DUE_SOON), ("overdue", Notification.OVERDUE)])
def test_a_deadline_concerns_whoever_is_to_do_the_task(kind: str, reason: Notification.Reason.ValueType) -> None:
    assert concerned(event(kind, assignee=BOB)) == {BOB: reason}
    assert concerned(event(kind)) == {ANN: reason}
    assert concerned(event(kind, creator="")) == {}


def test_each_person_is_concerned_once_and_whoever_did_it_too() -> None:
    assert concerned(event("completed", creator=ANN, assignee=ANN)) == {ANN: Notification.COMPLETED}
    assert concerned(event("created", creator=ANN, assignee=ANN)) == {ANN: Notification.ASSIGNED}


@pytest.mark.parametrize("kind", ["started", "progressed", "reopened", "deleted", "restored"])
def test_what_happens_on_the_way_concerns_nobody(kind: str) -> None:
    assert concerned(event(kind, assignee=BOB, changed=("assignee_id",))) == {}


def comment(*commenters: str, kind: str = "created", by: str = ANN, mentioned: tuple[str, ...] = ()) -> Event:
    found = event(kind, assignee=BOB)
    found.type, found.actor_id = f"comment.{kind}", by
    found.commenter_ids.extend(commenters)
    found.mentioned_ids.extend(mentioned)
    return found


def test_a_comment_concerns_whoever_has_to_do_with_the_task_but_its_author() -> None:
    told = Notification.COMMENTED
    assert concerned(comment()) == {BOB: told}
    assert concerned(comment(by=BOB)) == {ANN: told}
    assert concerned(comment("cleo", ANN)) == {BOB: told, "cleo": told}
    assert concerned(comment("cleo", by="dan")) == {ANN: told, BOB: told, "cleo": told}


def test_who_is_mentioned_in_a_comment_is_told_that_and_nothing_else() -> None:
    assert concerned(comment(mentioned=(BOB, "dan"))) == {BOB: Notification.MENTIONED, "dan": Notification.MENTIONED}


def test_a_comment_that_was_edited_concerns_whom_it_newly_mentions_and_a_deleted_one_nobody() -> None:
    assert concerned(comment("cleo", kind="updated")) == {}
    assert concerned(comment("cleo", kind="updated", mentioned=("dan",))) == {"dan": Notification.MENTIONED}
    assert concerned(comment("cleo", kind="deleted")) == {}


@pytest.mark.parametrize("kind", ["created", "updated"])
def test_who_is_mentioned_in_a_task_is_told_and_its_new_assignee_of_that(kind: str) -> None:
    found = event(kind, assignee=BOB, changed=("title", "assignee_id"))
    found.mentioned_ids.extend((BOB, "dan"))
    assert concerned(found) == {BOB: Notification.ASSIGNED, "dan": Notification.MENTIONED}


def test_events_without_a_task_concern_nobody() -> None:
    assert concerned(Event(type="member.added")) == {}
    assert concerned(Event(type="session.ended")) == {}
