import pytest
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import ConnectResponse, Events, Gap, Welcome
from taskbell.tasks.v1.tasks_pb2 import Task

from gatewaysvc.event_wire import response_json
from gatewaysvc.to_json import to_json


@pytest.mark.parametrize(
    "message",
    [
        ConnectResponse(),
        ConnectResponse(welcome=Welcome(user_id="u1")),
        ConnectResponse(gap=Gap(id='"s"', head="c")),
        ConnectResponse(events=Events()),
        ConnectResponse(events=Events(id='имя "s" \n', events=[Event(), Event(event_id="e1")])),
        ConnectResponse(
            events=Events(
                id="s" * 64,
                events=[Event(event_id=f"e{n}", task=Task(title="x" * n, labels=["ё"])) for n in (0, 100, 20_000)],
            )
        ),
    ],
)
def test_events_taken_out_unread_are_the_same_json(message):
    assert response_json(message.SerializeToString()).decode() == to_json(message)


def test_each_is_told_the_same_events_under_its_own_name():
    events = [Event(event_id="e1", task=Task(title="milk")), Event(event_id="e2")]
    for name in ("s1", "s2", "", "s1"):
        message = ConnectResponse(events=Events(id=name, events=events))
        assert response_json(message.SerializeToString()).decode() == to_json(message)


def test_what_differs_only_in_content_is_not_mixed_up():
    for title in ("milk", "mild"):
        message = ConnectResponse(events=Events(id="s1", events=[Event(task=Task(title=title))]))
        assert response_json(message.SerializeToString()).decode() == to_json(message)
