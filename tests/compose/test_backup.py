"""What docs/operations.md says of backups with Compose, typed as it stands there."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.compose.conftest import Report
from tests.compose.project import ROOT, Project, run
from tests.compose.traffic import people

pytestmark = pytest.mark.timeout(600)

BLOCKS = re.findall(r"```sh\n(dc .*?)```", (ROOT / "docs" / "operations.md").read_text("utf-8"), re.DOTALL)
BACK_UP, RESTORE = BLOCKS


async def type_in(project: Project, folder: Path, lines: str) -> None:
    """Has a shell do what the lines say, in a folder; `dc` is as the page says."""
    script = f'dc() {{ {" ".join(project.command)} "$@"; }}\n{lines}'
    await run("bash", "-euc", script, environment=project.environment, folder=folder)


async def test_after_a_restore_there_is_what_the_backup_knew_and_streams_hear_of_a_gap(
    project: Project, report: Report, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    async with people(project) as somebody:
        ready = asyncio.Event()
        listening = loop.create_task(somebody.listen(ready))
        await asyncio.wait_for(ready.wait(), 20)
        task = await somebody.call("POST", "/v1/tasks", {"title": "As it was"})
        assert task is not None
        await type_in(project, tmp_path, BACK_UP)
        await somebody.call("PATCH", f"/v1/tasks/{task['id']}", {"title": "After the backup"})
        ghost = await somebody.call("POST", "/v1/tasks", {"title": "Made after the backup"})
        assert ghost is not None
        async with asyncio.timeout(30):
            while ghost["id"] not in somebody.traffic.told:
                await asyncio.sleep(0.1)

        begun = loop.time()
        await type_in(project, tmp_path, RESTORE)
        report(f"restored from a backup, and healthy again, in {loop.time() - begun:.0f} s")

        listed = await somebody.call("GET", "/v1/tasks")
        assert listed is not None
        assert [(each["id"], each["title"]) for each in listed["tasks"]] == [(task["id"], "As it was")]
        later = await somebody.call("POST", "/v1/tasks", {"title": "Life goes on"})
        assert later is not None
        async with asyncio.timeout(60):
            while later["id"] not in somebody.traffic.told:
                await asyncio.sleep(0.1)
        assert somebody.traffic.gaps == 1
        listening.cancel()
