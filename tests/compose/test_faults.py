"""Containers die, go for a while, or are cut off, while people work: no acknowledged change and no event is lost.

A call may fail for the moment, and is answered when it is made again.
"""

import asyncio

import pytest

from tests.compose.conftest import Report
from tests.compose.project import Container, Project, docker
from tests.compose.traffic import Traffic, traffic

pytestmark = pytest.mark.timeout(600)


def nothing_is_lost(seen: Traffic) -> None:
    assert seen.failed == []
    assert seen.untold() == {}
    assert seen.wrongly_told() == {}
    assert seen.gaps == 0


@pytest.mark.parametrize("service", ["tasksvc", "notifysvc", "gatewaysvc"])
async def test_kill_9_of_a_replica(project: Project, report: Report, service: str) -> None:
    await project.up(tasksvc=3, notifysvc=2, gatewaysvc=2)
    async with traffic(project) as seen:
        await asyncio.sleep(3)
        for container in await project.containers(service):
            await container.kill()
            await container.healthy()
            await asyncio.sleep(1)
    report(f"kill -9 of each {service}: {seen}")
    nothing_is_lost(seen)


@pytest.mark.parametrize("service", ["valkey", "nats", "postgres"])
async def test_what_they_stand_on_is_killed_and_comes_back(project: Project, report: Report, service: str) -> None:
    async with traffic(project) as seen:
        await asyncio.sleep(3)
        [container] = await project.containers(service)
        await container.kill()
        await asyncio.sleep(8)
    report(f"kill -9 of {service}: {seen}")
    nothing_is_lost(seen)


@pytest.mark.parametrize("service", ["tasksvc", "notifysvc", "gatewaysvc"])
async def test_a_replica_is_cut_off_and_comes_back(project: Project, report: Report, service: str) -> None:
    await project.up(tasksvc=3, notifysvc=2, gatewaysvc=2)
    async with traffic(project) as seen:
        await asyncio.sleep(3)
        [container, *_] = await project.containers(service)
        await project.cut_off(container)
        await asyncio.sleep(15)
        await project.heal(container)
        await reachable(container)
        await asyncio.sleep(5)
    report(f"a {service} cut off for 15 s: {seen}")
    nothing_is_lost(seen)


async def reachable(container: Container) -> None:
    """Returns once the container has an address, and is well."""
    async with asyncio.timeout(60):
        while not await container.address():
            await asyncio.sleep(0.1)
    await container.healthy()


@pytest.mark.parametrize("service", ["nats", "valkey", "postgres"])
async def test_what_they_stand_on_stands_still_for_a_while(project: Project, report: Report, service: str) -> None:
    async with traffic(project) as seen:
        await asyncio.sleep(3)
        [container] = await project.containers(service)
        await docker("pause", container.id)
        await asyncio.sleep(5)
        await docker("unpause", container.id)
        await asyncio.sleep(5)
    report(f"{service} paused for 5 s: {seen}")
    nothing_is_lost(seen)
