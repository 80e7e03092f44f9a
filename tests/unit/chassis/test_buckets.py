import pytest

from chassis.buckets import Buckets, Limit


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def buckets(clock):
    return Buckets(Limit(burst=3, per_second=2), clock)


def test_a_burst_is_let_through_and_then_one_call_at_a_time(buckets, clock):
    assert [buckets.take("a").remaining for _ in range(3)] == [2, 1, 0]
    refused = buckets.take("a")
    assert (refused.remaining, refused.wait) == (0, pytest.approx(0.5))
    clock.now += 0.5
    assert buckets.take("a").wait == 0
    assert buckets.take("a").wait == pytest.approx(0.5)


def test_a_refused_call_costs_nothing(buckets, clock):
    for _ in range(10):
        buckets.take("a")
    clock.now += 1.5
    assert [buckets.take("a").wait for _ in range(3)] == [0, 0, 0]


def test_callers_do_not_share(buckets):
    for _ in range(4):
        buckets.take("a")
    assert buckets.take("b").remaining == 2


def test_the_reset_tells_when_all_is_there_again(buckets, clock):
    reset = buckets.take("a").reset
    buckets.take("a")
    clock.now += reset + 0.5
    assert buckets.take("a").remaining == 2


def test_made_up_callers_do_not_fill_the_memory(buckets, clock):
    for number in range(250_000):
        buckets.take(number)
        clock.now += 1e-5
    assert len(buckets._empty_at) <= 100_000


def test_a_call_that_is_given_back_was_none(buckets):
    left = [buckets.take("a").remaining for _ in range(3)]
    buckets.give_back("a")
    buckets.give_back("nobody's")
    assert left[-1] == buckets.take("a").remaining == 0
    assert buckets.take("nobody's").remaining == 2
