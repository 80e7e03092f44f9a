"""An upgrade replica by replica, while people work."""

import time

import pytest

from tests.compose.conftest import Report
from tests.compose.project import Project
from tests.compose.traffic import traffic

pytestmark = pytest.mark.timeout(600)


async def test_a_rolling_restart_loses_no_call_and_no_event(project: Project, report: Report) -> None:
    await project.up(tasksvc=3, notifysvc=2, gatewaysvc=2)
    begun = time.monotonic()
    async with traffic(project) as seen:
        for service in ("tasksvc", "notifysvc", "gatewaysvc"):
            for container in await project.containers(service):
                await container.restart()
    report(f"rolling restart of 3 tasksvc, 2 notifysvc, 2 gatewaysvc in {time.monotonic() - begun:.0f} s: {seen}")
    assert seen.failed == []
    assert seen.untold() == {}
    assert seen.wrongly_told() == {}
    assert seen.gaps == 0
