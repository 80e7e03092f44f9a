"""What Prometheus is told of things that are read now and then."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from chassis.errors import Unavailable
from chassis.readings import Figure, Readings

DEPTH = Figure("taskbell_test_depth", "How deep it is.", ("state",))


class Store:
    """Answers, until it doesn't."""

    def __init__(self):
        self.depth = 3
        self.away = False
        self.asked = asyncio.Condition()

    async def read(self):
        async with self.asked:
            self.asked.notify_all()
        if self.away:
            raise Unavailable("It is away.")
        return [DEPTH.told(self.depth, "wet")]

    async def read_again(self):
        """Returns when it has been asked twice: the answer to the first question has been told by then."""
        async with self.asked:
            await self.asked.wait()
            await self.asked.wait()


def told():
    return REGISTRY.get_sample_value("taskbell_test_depth", {"state": "wet"})


@pytest.fixture
def store():
    return Store()


@pytest.fixture
async def reading(store):
    stopping = asyncio.Event()
    running = asyncio.create_task(Readings(store.read, every=0.2).run(stopping))
    yield
    stopping.set()
    await running


async def test_what_was_read_last_is_told(store, reading):
    await store.read_again()
    assert told() == 3
    store.depth = 4
    await store.read_again()
    assert told() == 4


async def test_what_can_not_be_read_any_more_is_not_told_for_ever(store, reading):
    await store.read_again()
    with capture_logs() as logs:
        store.away = True
        async with asyncio.timeout(30):
            while told() is not None:
                await store.read_again()
    assert "figures not read" in {line["event"] for line in logs}
    store.away = False
    await store.read_again()
    assert told() == 3


async def test_nothing_is_told_when_the_reading_has_ended(store):
    stopping = asyncio.Event()
    running = asyncio.create_task(Readings(store.read, every=0.2).run(stopping))
    await store.read_again()
    stopping.set()
    await running
    assert told() is None
