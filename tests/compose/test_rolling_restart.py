"""An upgrade replica by replica, while people work."""

import asyncio
import os
import time

import pytest

from tests.compose.conftest import Report
from tests.compose.project import ROOT, Project
from tests.compose.traffic import traffic

pytestmark = pytest.mark.timeout(600)

SERVICES = ("tasksvc", "notifysvc", "gatewaysvc")


async def test_a_rolling_restart_loses_no_call_and_no_event(project: Project, report: Report) -> None:
    await project.up(tasksvc=3, notifysvc=2, gatewaysvc=2)
    begun = time.monotonic()
    async with traffic(project) as seen:
        for service in SERVICES:
            for container in await project.containers(service):
                await container.restart()
    report(f"rolling restart of 3 tasksvc, 2 notifysvc, 2 gatewaysvc in {time.monotonic() - begun:.0f} s: {seen}")
    assert seen.failed == []
    assert seen.untold() == {}
    assert seen.wrongly_told() == {}
    assert seen.gaps == 0


async def test_an_upgrade_replaces_every_replica_and_loses_no_call_and_no_event(
    project: Project, report: Report
) -> None:
    await project.up(tasksvc=2, notifysvc=2, gatewaysvc=2)
    before = {each for service in SERVICES for each in await project.containers(service)}
    async with traffic(project) as seen:
        upgrade = await asyncio.create_subprocess_exec(
            ROOT / "compose" / "upgrade.sh",
            env={**os.environ, **project.environment, "COMPOSE_PROJECT_NAME": project.name},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await upgrade.communicate()
    assert upgrade.returncode == 0, printed.decode()
    after = {each for service in SERVICES for each in await project.containers(service)}
    assert (len(after), after & before) == (6, set())
    report(f"upgrade of 2 tasksvc, 2 notifysvc, 2 gatewaysvc by compose/upgrade.sh: {seen}")
    assert (seen.failed, seen.untold(), seen.wrongly_told(), seen.gaps) == ([], {}, {}, 0)
