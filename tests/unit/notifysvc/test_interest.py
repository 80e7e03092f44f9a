from taskbell.access.v1.access_pb2 import access
from taskbell.notifications.v1.notifications_pb2 import DESCRIPTOR, WatchRequest

from chassis.jetstream import SUBJECTS
from notifysvc.interest import FIELDS, MOST_SUBJECTS, Interest
from notifysvc.rights import SCOPE
from tasksvc import task_filter


def test_a_stream_asks_for_the_scope_that_it_says_it_does() -> None:
    service = DESCRIPTOR.services_by_name["NotificationService"]
    rules = [service.methods_by_name[name].GetOptions().Extensions[access] for name in ("Connect", "Watch")]
    assert [rule.stream for rule in rules] == [SCOPE, SCOPE]


def test_a_live_filter_may_name_what_the_filter_of_a_list_may() -> None:
    assert FIELDS == task_filter.FIELDS


def test_a_reader_of_the_stream_is_given_little_that_it_does_not_want() -> None:
    everything = Interest.of(WatchRequest(), "me")
    assert everything.subjects("me", {"p", "q"}) == [
        "taskbell.events.task.p.>",
        "taskbell.events.task.q.>",
        "taskbell.events.member.>",
        "taskbell.events.credential.me.>",
    ]
    narrow = Interest.of(WatchRequest(project="p"), "me")
    assert narrow.subjects("me", {"p", "q"}) == ["taskbell.events.task.p.>", "taskbell.events.member.p.>"]
    assert Interest.of(WatchRequest(project="p", inbox=True), "me").subjects("me", {"p", "q"}) == [
        "taskbell.events.task.p.>"
    ]
    assert Interest.of(WatchRequest(inbox=True), "me").subjects("me", {"p"}) == ["taskbell.events.task.p.>"]


def test_subjects_are_never_none_which_would_mean_all() -> None:
    assert Interest.of(WatchRequest(inbox=True), "me").subjects("me", set())


def test_a_reader_of_very_many_projects_reads_the_whole_stream() -> None:
    projects = {str(number) for number in range(MOST_SUBJECTS + 1)}
    assert Interest.of(WatchRequest(), "me").subjects("me", projects) == [SUBJECTS]


def test_all_who_want_the_same_of_a_project_share_what_is_kept_and_made_for_it() -> None:
    def interest(user_id: str, filter_: str) -> Interest:
        return Interest.of(WatchRequest(project="p", filter=filter_), user_id)

    assert len({interest(user_id, "") for user_id in ("ann", "bob")}) == 1
    assert len({interest(user_id, "status = FAILED") for user_id in ("ann", "bob")}) == 1
    assert len({interest(user_id, "assignee_id = me") for user_id in ("ann", "bob")}) == 2
