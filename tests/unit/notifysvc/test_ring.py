"""What is kept for readers at their own pace."""

import asyncio

from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import WatchRequest
from taskbell.tasks.v1.tasks_pb2 import Task

from notifysvc import ring as module
from notifysvc.entry import Entry
from notifysvc.interest import Interest
from notifysvc.ring import Ring


class Reader:
    def __init__(self) -> None:
        self.woken = asyncio.Event()

    def wake(self) -> None:
        self.woken.set()


def entry(number: int, project: str = "p") -> Entry:
    task = Task(project_id=project, title=f"task {number}")
    event = Event(type="task.created", project_id=project, event_id=f"e{number}", task=task)
    return Entry.of(1, number, 0, event.SerializeToString())


def new_ring(readers: int = 1) -> Ring:
    ring = Ring(Interest.of(WatchRequest(project="p"), "me"), lambda _interest: None)
    ring.readers = readers
    return ring


async def test_all_who_stand_at_the_same_place_are_given_the_same_batch_made_once():
    ring = new_ring(readers=2)
    for number in range(3):
        ring.hear(entry(number))
    ring.hear(entry(9, project="q"))
    (first, end), (second, _) = ring.batch(0), ring.batch(0)
    assert first is second
    assert end == 3
    assert first.fields(frozenset()) is second.fields(frozenset())


async def test_who_comes_a_little_later_is_given_the_same_batch_and_then_the_rest():
    ring = new_ring(readers=2)
    ring.hear(entry(0))
    first, end = ring.batch(0)
    ring.hear(entry(1))
    assert ring.batch(0) == (first, end)
    rest, end = ring.batch(end)
    assert [each.cursor.sequence for each, _ in rest.entries] == [1]
    assert end == 2


async def test_what_everybody_has_read_is_kept_no_more():
    ring, slow, quick = new_ring(readers=2), Reader(), Reader()
    ring.hear(entry(1))
    ring.wait(quick)
    assert (ring.start, ring.end) == (0, 1)
    ring.wait(slow)
    assert (ring.start, ring.end) == (1, 1)


async def test_the_oldest_go_when_it_is_full_so_that_a_slow_reader_costs_no_more_than_one_ring(monkeypatch):
    monkeypatch.setattr(module, "MOST_ENTRIES", 4)
    ring = new_ring()
    for number in range(10):
        ring.hear(entry(number))
    assert (ring.start, ring.end) == (6, 10)


async def test_one_event_after_a_silence_is_told_at_once_and_a_burst_to_many_is_gathered(monkeypatch):
    monkeypatch.setattr(module, "GATHERED", 10.0)  # what follows waits for the longest time
    ring, reader = new_ring(readers=2), Reader()
    ring.wait(reader)
    ring.hear(entry(1))
    assert reader.woken.is_set()
    reader.woken.clear()
    ring.wait(reader)
    ring.hear(entry(2))
    ring.hear(entry(3))
    assert not reader.woken.is_set()
    await reader.woken.wait()
    assert ring.batch(1)[1] == 3


async def test_nobody_goes_on_in_a_ring_that_was_interrupted():
    ring, reader = new_ring(readers=2), Reader()
    ring.hear(entry(1))
    ring.wait(reader)
    ring.interrupted()
    assert reader.woken.is_set()
    assert ring.start > 1
