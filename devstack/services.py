"""The commands of Taskbell's own processes."""

import asyncio
import functools
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from chassis.health_check import blind
from devstack.errors import StackError
from devstack.probe import serves_grpc, serves_http
from devstack.process import Process

Service = Literal["tasksvc", "notifysvc", "gatewaysvc"]
SERVICES: Final[Sequence[Service]] = ("tasksvc", "notifysvc", "gatewaysvc")
MIGRATED: Final[Sequence[Service]] = ("tasksvc", "notifysvc")
PORT_SETTING: Final[Mapping[Service, str]] = {"tasksvc": "TASKS", "notifysvc": "NOTIFY", "gatewaysvc": "HTTP"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the services of one stack have in common."""

    folder: Path
    environment: Mapping[str, str]
    """TASKBELL_* variables: where the servers and the other services are, and what the developer set."""


def service(kind: Service, name: str, port: int, metrics_port: int, surroundings: Surroundings) -> Process:
    """A replica of a service that listens on the port."""
    own = {f"TASKBELL_{PORT_SETTING[kind]}_PORT": str(port), "TASKBELL_METRICS_PORT": str(metrics_port)}
    return Process(
        name=name,
        port=port,
        command=[sys.executable, "-m", kind, "serve"],
        environment={**python_environment(surroundings.folder), **surroundings.environment, **own},
        folder=surroundings.folder,
        ready=functools.partial(serves_http, port, "/readyz", blind() if https(surroundings.environment) else None)
        if kind == "gatewaysvc"
        else functools.partial(serves_grpc, port, surroundings.environment),
    )


def https(environment: Mapping[str, str]) -> bool:
    """Whether a gateway with these settings speaks HTTPS."""
    return bool(environment.get("TASKBELL_HTTP_TLS_CERT_FILE"))


def mail(folder: Path, smtp_port: int, page_port: int) -> Process:
    """The mail inbox: whatever is sent to its SMTP port is shown on its page."""
    return Process(
        name="mail",
        port=page_port,
        command=[
            *(sys.executable, "-m", "devstack.mail"),
            *("--smtp-port", str(smtp_port), "--page-port", str(page_port), "--file", str(folder / "mail.sqlite")),
        ],
        environment=python_environment(folder),
        folder=folder,
        ready=functools.partial(serves_http, page_port, "/readyz"),
    )


async def migrate(kind: Service, database_url: str) -> None:
    """Brings the service's schema up to date, as its `migrate` command does, without a second start of all its code."""
    await asyncio.to_thread(_migrate, kind, database_url)


def _migrate(kind: Service, database_url: str) -> None:
    # Imported where it is used: meanwhile the servers start.
    from chassis.migrations import migrate as apply  # noqa: PLC0415

    package = importlib.util.find_spec(kind)
    if package is None or package.origin is None:
        raise StackError(f"There is no {kind} here.")
    try:
        apply(database_url, kind, Path(package.origin).parent / "sql" / "migrations")
    except Exception as error:
        raise StackError(f"The schema of {kind} cannot be brought up to date: {error}") from error


def python_environment(folder: Path) -> dict[str, str]:
    """The developer's environment without its TASKBELL_* variables, for a Python child."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TASKBELL_")}
    environment["PYTHONUNBUFFERED"] = "1"  # what a child says before it dies is what one wants to read
    packages = Path(sysconfig.get_path("purelib")), Path(__file__).parent
    if environment.pop("PYTHONDONTWRITEBYTECODE", "") or not all(os.access(each, os.W_OK) for each in packages):
        # Nothing may be written beside the sources; compiled anew at each start they take seconds.
        environment.setdefault("PYTHONPYCACHEPREFIX", str(folder / "pycache"))
    return environment
