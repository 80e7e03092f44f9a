"""The system as `docker compose up` brings it up, for `make compose-test`. Skipped where there is no Docker engine."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import pytest_asyncio

from tests.compose.project import Project

Report = Callable[[str], None]
_lines: list[str] = []


def _reason_to_skip() -> str:
    if shutil.which("docker") is None:
        return "there is no docker command here"
    for command in (["docker", "version"], ["docker", "compose", "version"]):
        found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
        if found.returncode:
            return f"`{' '.join(command)}` fails: {found.stderr.strip()[:200]}"
    return ""


@pytest.fixture(scope="session")
def report() -> Report:
    """Takes the lines that are printed at the end."""
    return _lines.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints them."""
    if _lines:
        terminalreporter.section("what was measured")
        for line in _lines:
            terminalreporter.line(line)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def build(report: Report) -> None:
    """The images."""
    if reason := _reason_to_skip():
        pytest.skip(reason)
    report(f"images built in {await Project('taskbell-test').build():.0f} s")


@pytest.fixture(scope="module")
def files() -> Sequence[str]:
    """What is brought up; a module may have its own."""
    return ("compose/compose.yaml",)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def project(build: None, files: Sequence[str], report: Report) -> AsyncIterator[Project]:
    """The whole system, from empty volumes."""
    running = Project(f"taskbell-test-{os.getpid()}", files=files)
    try:
        report(f"{' + '.join(files)}: up and healthy after {await running.up():.1f} s")
        yield running
    finally:
        await running.down()
