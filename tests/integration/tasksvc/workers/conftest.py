"""Workers of three replicas, for a module."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.integration.tasksvc.faults.replica import settle_in
from tests.integration.tasksvc.workers.crew import Crew, hand


@pytest.fixture(scope="module")
async def crew(database: str, redis_url: str, nats_url: str) -> AsyncIterator[Crew]:
    home = await settle_in(database)
    async with AsyncExitStack() as leaving:
        yield Crew([await leaving.enter_async_context(hand(database, redis_url, nats_url, *home)) for _ in range(3)])
