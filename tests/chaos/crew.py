"""Workers that are killed and replaced."""

import asyncio
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devstack.process import dies_with_parent
from devstack.services import python_environment
from devstack.stack import Stack
from tests.chaos.people import Person

ROOT: Final = Path(__file__).parents[2]


@dataclass(slots=True)
class Crew:
    """Each new worker has a name of its own, so that the ledger tells who had what."""

    stack: Stack
    person: Person
    working: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    deaths: dict[str, datetime] = field(default_factory=dict)

    async def hire(self) -> None:
        """One more."""
        name = f"worker-{len(self.working) + len(self.deaths) + 1}"
        with self.log(name).open("wb") as log:
            self.working[name] = await asyncio.create_subprocess_exec(
                *dies_with_parent(signal.SIGKILL),
                *(sys.executable, "-m", "tests.chaos.queue_worker"),
                *(self.stack.tasks_address, self.person.token, self.person.project_id, name),
                env=python_environment(self.stack.folder),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self, name: str) -> Path:
        """What a worker said."""
        return self.stack.folder / "logs" / f"{name}.log"

    async def kill(self, name: str) -> None:
        """kill -9."""
        process = self.working.pop(name)
        if process.returncode is not None:
            raise AssertionError(f"{name} ended by itself: {self.log(name).read_text('utf-8')}")
        process.kill()
        self.deaths[name] = datetime.now(UTC)
        await process.wait()

    async def leave(self) -> None:
        """The end of the day."""
        for process in self.working.values():
            if process.returncode is None:
                process.kill()
            await process.wait()
