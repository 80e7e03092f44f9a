"""The system as Compose runs it, and what can be done to its containers."""

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

ROOT: Final = Path(__file__).parents[2]
DOORS: Final = ("HTTP", "TASKS", "NOTIFY", "MAIL", "JAEGER", "PROMETHEUS", "GRAFANA")
METRICS: Final = {"tasksvc": 9101, "notifysvc": 9102, "gatewaysvc": 9103}
_POLL: Final = 0.1


class CommandFailed(Exception):
    """A command that didn't end with 0."""


async def docker(*arguments: str, environment: dict[str, str] | None = None, typed: str = "") -> str:
    """What `docker ARGUMENTS` prints, with the text typed on its standard input. Raises CommandFailed."""
    return await run("docker", *arguments, environment=environment, typed=typed)


async def run(
    *command: str, environment: dict[str, str] | None = None, typed: str = "", folder: Path | None = None
) -> str:
    """What a command prints in a folder. Raises CommandFailed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(typed.encode())
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)}:\n{err.decode()[-4000:]}{out.decode()[-4000:]}")
    return out.decode()


@dataclass(frozen=True, slots=True)
class Container:
    """One of the project's containers."""

    service: str
    id: str

    @property
    def name(self) -> str:
        """Short, for reports."""
        return f"{self.service} {self.id[:6]}"

    async def inspect(self, template: str) -> str:
        """What `docker inspect` says of it."""
        return (await docker("inspect", "--format", template, self.id)).strip()

    async def address(self) -> str:
        """Its IP address; empty while it has none."""
        return await self.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")

    async def healthy(self, within: float = 90) -> None:
        """Returns once its health check passes. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while await self.inspect("{{.State.Health.Status}}") != "healthy":
                await asyncio.sleep(_POLL)

    async def restart(self) -> None:
        """SIGTERM, and up again; returns when it is healthy."""
        await docker("restart", self.id)
        await self.healthy()

    async def kill(self) -> None:
        """SIGKILL out of nowhere, as when memory runs out; Docker's restart policy brings it back."""
        before = await self.inspect("{{.State.StartedAt}}")
        os.kill(int(await self.inspect("{{.State.Pid}}")), signal.SIGKILL)
        async with asyncio.timeout(60):
            while await self.inspect("{{.State.StartedAt}}") == before:
                await asyncio.sleep(_POLL)


async def metric(container: Container, pattern: str) -> float:
    """The sum of those of the container's metrics that the pattern matches."""
    url = f"http://{await container.address()}:{METRICS[container.service]}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        text = await response.text()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(pattern, line))


@dataclass(slots=True)
class Project:
    """A project of its own, on free ports, thrown away at the end."""

    name: str
    ports: dict[str, int] = field(default_factory=dict)
    scale: dict[str, int] = field(default_factory=dict)
    files: Sequence[str] = ("compose/compose.yaml",)

    def __post_init__(self) -> None:
        self.ports = dict(zip(DOORS, _free_ports(len(DOORS)), strict=True))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the Compose file asks for."""
        return {
            **{f"TASKBELL_{door}_PORT": str(port) for door, port in self.ports.items()},
            "TASKBELL_VERSION": "compose-test",
            "TASKBELL_RATE_LIMITS": "off",
        }

    @property
    def doors(self) -> dict[str, str]:
        """The variables that the acceptance tests ask for."""
        http, tasks, notify, mail = (self.ports[door] for door in ("HTTP", "TASKS", "NOTIFY", "MAIL"))
        return {
            "TASKBELL_TEST_HTTP": f"http://127.0.0.1:{http}",
            "TASKBELL_TEST_TASKS": f"127.0.0.1:{tasks}",
            "TASKBELL_TEST_NOTIFY": f"127.0.0.1:{notify}",
            "TASKBELL_TEST_MAIL": f"http://127.0.0.1:{mail}",
        }

    @property
    def command(self) -> tuple[str, ...]:
        """`docker compose` for this project."""
        files = [part for file in self.files for part in ("-f", str(ROOT / file))]
        return ("docker", "compose", "-p", self.name, *files)

    async def compose(self, *arguments: str, typed: str = "") -> str:
        """What `docker compose ARGUMENTS` prints."""
        return await run(*self.command, *arguments, environment=self.environment, typed=typed)

    async def build(self) -> float:
        """Builds the images; the seconds that it took."""
        begun = time.monotonic()
        await self.compose("build", "--quiet")
        return time.monotonic() - begun

    async def up(self, **scale: int) -> float:
        """Brings it up, or to another number of replicas; the seconds until everything was healthy."""
        begun = time.monotonic()
        self.scale |= scale
        wanted = [part for service, count in self.scale.items() for part in ("--scale", f"{service}={count}")]
        await self.compose("up", "--no-recreate", "--wait", *wanted)
        return time.monotonic() - begun

    async def down(self) -> None:
        """Leaves nothing behind but the images."""
        await self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")

    async def containers(self, service: str) -> list[Container]:
        """The service's, in the order of their numbers."""
        return [Container(service, each) for each in (await self.compose("ps", "--quiet", service)).split()]

    async def cut_off(self, container: Container) -> None:
        """Pulls the container's network cable."""
        await docker("network", "disconnect", f"{self.name}_default", container.id)

    async def heal(self, container: Container) -> None:
        """Plugs it in again."""
        network = f"{self.name}_default"
        await docker("network", "connect", "--alias", container.service, network, container.id)


def _free_ports(count: int) -> Iterable[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
