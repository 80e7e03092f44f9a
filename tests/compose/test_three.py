"""Three of everything: each node of the bus may die, one after the other, while people work."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.compose.conftest import Report
from tests.compose.project import Project
from tests.compose.traffic import traffic

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def files() -> Sequence[str]:
    return ("compose/compose.yaml", "compose/compose.three.yaml")


async def test_each_node_of_the_bus_is_killed_and_comes_back(project: Project, report: Report) -> None:
    assert len(await project.containers("gatewaysvc")) == 3
    async with traffic(project) as seen:
        await asyncio.sleep(3)
        for service in ("nats", "nats-2", "nats-3"):
            [node] = await project.containers(service)
            await node.kill()
            # The others elect a leader at once; the node itself has to catch up before the next one goes.
            await asyncio.sleep(10)
    report(f"kill -9 of each of 3 NATS nodes: {seen}")
    assert (seen.failed, seen.untold(), seen.wrongly_told(), seen.gaps) == ([], {}, {}, 0)
