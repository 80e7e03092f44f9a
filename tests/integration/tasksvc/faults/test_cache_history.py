"""Random histories: several replicas read and write a few tasks while Redis comes to random harm.

Every read is held against the writes that were acknowledged before it began.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import redis.asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from taskbell.tasks.v1 import tasks_pb2 as pb

from devstack import valkey
from devstack.process import Process
from tasksvc.domain import change
from tasksvc.domain.task import Task
from tests.integration.tasksvc.faults.cable import Cable
from tests.integration.tasksvc.faults.conftest import PASSWORD
from tests.integration.tasksvc.faults.replica import Replica

EXAMPLES = 4


def _renamed(task: Task) -> change.Change | None:
    return change.update(task, {"title": f"version {task.version + 1}"})


@dataclass
class History:
    """What was acknowledged, and whether a read was older."""

    acknowledged: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reads: int = 0

    async def write(self, replica: Replica, task_id: str, *, pause: float) -> None:
        committed = await replica.commit(task_id, _renamed)
        await asyncio.sleep(pause)
        await replica.keep(committed)
        self.acknowledged[task_id] = max(self.acknowledged[task_id], committed.version)

    async def read(self, replica: Replica, task_id: str, *, pause: float) -> None:
        at_least = self.acknowledged[task_id]

        async def load() -> pb.Task | None:
            task = await replica.load(task_id)
            await asyncio.sleep(pause)
            return task

        found = await replica.get(task_id, load)
        assert found.version >= at_least, f"{found.version} was read after {at_least} was acknowledged"
        self.reads += 1


@dataclass
class World:
    """The servers, and what may happen to them."""

    server: Process
    between: Cable

    async def freeze(self) -> None:
        self.server.freeze()

    async def thaw(self) -> None:
        self.server.thaw()

    async def restart(self) -> None:
        await self.server.kill()
        await self.server.start()

    async def evict(self) -> None:
        self.server.thaw()
        async with redis.asyncio.from_url(valkey.url(self.server.port, PASSWORD)) as client:
            await client.flushall()

    async def pull(self) -> None:
        self.between.pull()

    async def plug(self) -> None:
        self.between.plug()

    async def calm(self) -> None:
        self.server.thaw()
        self.between.plug()
        await asyncio.sleep(0.9)  # so long that the cache is trusted again, as a rule


EVENTS: list[Callable[[World], Awaitable[None]]] = [
    World.freeze,
    World.thaw,
    World.restart,
    World.evict,
    World.pull,
    World.plug,
    World.calm,
    World.calm,
    World.calm,
]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would take minutes of real time
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32 - 1), events=st.lists(st.sampled_from(EVENTS), min_size=3, max_size=5))
async def test_no_read_is_older_than_the_last_acknowledged_write_in_any_history(
    seed: int,
    events: list[Callable[[World], Awaitable[None]]],
    one: Replica,
    other: Replica,
    far: Replica,
    redis: Process,
    its_cable: Cable,
) -> None:
    random, world, history = Random(seed), World(redis, its_cable), History()  # noqa: S311  # no secrets
    replicas = [one, other, far]
    tasks = [(await one.create()).id for _ in range(3)]
    over = False

    async def work(worker: Random) -> None:
        while not over:
            replica, task_id = worker.choice(replicas), worker.choice(tasks)
            pause = worker.choice([0, 0, 0, 0, 0.001, 0.01, 0.2])
            if worker.random() < 0.2:
                await history.write(replica, task_id, pause=pause)
            else:
                await history.read(replica, task_id, pause=pause)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(work(Random(random.random())))  # noqa: S311  # no secrets
            for event in events:
                await event(world)
                await asyncio.sleep(random.uniform(0, 0.5))
            over = True
    finally:
        over = True
        await world.calm()
    assert history.reads
