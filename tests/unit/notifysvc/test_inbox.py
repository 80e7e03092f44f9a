from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from taskbell.events.v1.events_pb2 import Event
from taskbell.projects.v1.projects_pb2 import Member
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc.effects import Arrival
from notifysvc.inbox import check_readable, notification_id

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def arrival(sequence: int, time: datetime, event_id: str = "e") -> Arrival:
    event = Event(event_id=event_id)
    event.time.FromDatetime(time)
    return Arrival(sequence, event)


def test_a_notification_has_the_same_id_however_often_its_event_comes() -> None:
    assert notification_id(arrival(7, NOON), "ann") == notification_id(arrival(7, NOON), "ann")
    assert notification_id(arrival(7, NOON), "ann") != notification_id(arrival(7, NOON), "bob")


def test_ids_are_uuids_of_version_7_in_the_order_of_time_and_then_of_the_stream() -> None:
    arrivals = [arrival(sequence, NOON, str(uuid4())) for sequence in (1, 2, 4095, 4096, 2**28 - 1, 2**28, 2**40 - 1)]
    arrivals.append(arrival(1, NOON + timedelta(milliseconds=1)))
    ids = [notification_id(each, "ann") for each in arrivals]
    assert all(before < after for before, after in pairwise(ids))
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert ids[0].int >> 80 == int(NOON.timestamp() * 1000)


def test_an_event_with_broken_ids_is_found_out() -> None:
    whole = str(uuid4())
    check_readable(Event(event_id=whole, project_id=whole, task_id=whole, task=Task(creator_id=whole)))
    check_readable(Event(event_id=whole, project_id=whole, member=Member(user_id=whole)))
    for broken in (
        Event(),
        Event(event_id="1", project_id=whole),
        Event(event_id=whole, task=Task()),
        Event(event_id=whole, project_id=whole, task_id="1", task=Task()),
        Event(event_id=whole, actor_id="1"),
        Event(event_id=whole, project_id=whole, member=Member()),
        Event(event_id=whole, project_id=whole, task_id=whole, type="task.completed", task=Task(creator_id="x")),
    ):
        with pytest.raises(ValueError, match=r".*"):
            check_readable(broken)
