"""Replicas in whose environment a package of handlers is installed."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from taskbell.projects.v1 import projects_pb2 as projects
from taskbell.tasks.v1 import tasks_pb2 as tasks

from tests.integration.tasksvc.conftest import Person

PLUGGED = "tests.integration.tasksvc.handlers.plugged"
ENDED = {tasks.Task.COMPLETED, tasks.Task.FAILED, tasks.Task.CANCELLED}
_PATIENCE = 60
_ROOT = Path(__file__).parents[4]

Install = Callable[[dict[str, str]], None]
T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], enough: Callable[[T], bool]) -> T:
    """What is seen as soon as it is enough: nobody tells of what a process does by itself."""
    async with asyncio.timeout(_PATIENCE):
        while not enough(seen := await look()):  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)
    return seen


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    """Makes a package with these entry points one that processes started from now on find."""
    before = [path for path in [os.environ.get("PYTHONPATH")] if path]
    with pytest.MonkeyPatch.context() as environment:

        def do(handlers: dict[str, str]) -> None:
            folder = tmp_path_factory.mktemp("site")
            package = folder / "plugged-1.0.dist-info"
            package.mkdir()
            (package / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
            lines = "".join(f"{queue} = {handler}\n" for queue, handler in handlers.items())
            (package / "entry_points.txt").write_text(f"[taskbell.handlers]\n{lines}")
            environment.setenv("PYTHONPATH", os.pathsep.join(map(str, (folder, _ROOT, *before))))

        yield do


@pytest.fixture(scope="module")
def installed(install: Install) -> None:
    """The package as it is meant to be."""
    install({name: f"{PLUGGED}:{name}" for name in ("double", "stumble", "wait")})


class Desk:
    """One person's way to have things done."""

    def __init__(self, person: Person, project_id: str = "") -> None:
        self._person = person
        self.project_id = project_id

    async def add(self, queue: str, payload: dict[str, Any], **fields: Any) -> tasks.Task:
        task = tasks.Task(title="job", queue=queue, project_id=self.project_id, **fields)
        task.payload.update(payload)
        return await self._person.api.tasks.CreateTask(tasks.CreateTaskRequest(task=task))

    async def get(self, task: tasks.Task) -> tasks.Task:
        # Waits for the server, which may be away.
        return await self._person.api.tasks.GetTask(tasks.GetTaskRequest(id=task.id), wait_for_ready=True)

    async def cancel(self, task: tasks.Task) -> tasks.Task:
        return await self._person.api.tasks.CancelTask(tasks.CancelTaskRequest(id=task.id))

    async def ended(self, task: tasks.Task) -> tasks.Task:
        return await self.until(task, lambda seen: seen.status in ENDED)

    async def until(self, task: tasks.Task, enough: Callable[[tasks.Task], bool]) -> tasks.Task:
        return await eventually(lambda: self.get(task), enough)

    async def history(self, task: tasks.Task) -> list[str]:
        """The types of the changes, oldest first."""
        listed = await self._person.api.tasks.ListTaskHistory(tasks.ListTaskHistoryRequest(id=task.id))
        return [each.type for each in reversed(listed.history)]

    async def elsewhere(self) -> "Desk":
        """The same person's, in a new project."""
        request = projects.CreateProjectRequest(project=projects.Project(title="elsewhere"))
        return Desk(self._person, (await self._person.api.projects.CreateProject(request)).id)


@pytest.fixture
async def desk(ann: Person) -> Desk:
    """Ann's, in a new project."""
    return await Desk(ann).elsewhere()


class Gate:
    """Where a handler waits."""

    def __init__(self, path: Path) -> None:
        self.payload = {"gate": str(path)}
        self._path = path

    def open(self) -> None:
        self._path.touch()

    async def begun(self) -> None:
        """A handler came to it."""
        await self._seen(".begun")

    async def stopped(self) -> None:
        """The handler was stopped."""
        await self._seen(".stopped")

    @property
    def was_left(self) -> bool:
        return self._path.with_suffix(".stopped").exists()

    async def _seen(self, suffix: str) -> None:
        async def look() -> bool:
            return self._path.with_suffix(suffix).exists()

        await eventually(look, bool)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")
