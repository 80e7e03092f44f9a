"""Work on the sources while the containers run."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.compose.project import ROOT, Container, Project, docker

pytestmark = pytest.mark.timeout(600)

SERVICES = ("tasksvc", "notifysvc", "gatewaysvc")
FILES = ("Dockerfile", ".dockerignore")
FOLDERS = ("requirements", "compose", "protos", "chassis", "cli", *SERVICES)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that may be changed."""
    folder = tmp_path_factory.mktemp("sources")
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".env"))
    return folder


@pytest.fixture(scope="module")
def files(sources: Path) -> Sequence[str]:
    return (str(sources / "compose/compose.yaml"), str(sources / "compose/compose.dev.yaml"))


async def test_a_change_of_the_sources_is_in_the_containers_and_their_processes_are_restarted(
    project: Project, sources: Path
) -> None:
    containers = [each for service in SERVICES for each in await project.containers(service)]
    before = [await each.inspect("{{.State.StartedAt}}") for each in containers]
    async with watching(project):
        with (sources / "chassis" / "__init__.py").open("a", encoding="utf-8") as file:
            file.write("# changed\n")
        async with asyncio.timeout(60):
            while not all([await changed(each) for each in containers]):
                await asyncio.sleep(0.2)
            while set(before) & {await each.inspect("{{.State.StartedAt}}") for each in containers}:
                await asyncio.sleep(0.2)
    for each in containers:
        await each.healthy()


async def changed(container: Container) -> bool:
    # As an archive, which can be had between the end of a process and its next start, too.
    return "# changed" in await docker("cp", f"{container.id}:/app/chassis/__init__.py", "-")


@asynccontextmanager
async def watching(project: Project) -> AsyncIterator[None]:
    """`docker compose watch`, from the moment when it does."""
    process = await asyncio.create_subprocess_exec(
        *(*project.command, "watch", "--no-up"),
        env={**os.environ, **project.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"watch" not in (await process.stdout.readline()).lower():
                pass
        yield
    finally:
        process.terminate()
        await process.communicate()
