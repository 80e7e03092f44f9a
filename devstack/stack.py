"""A whole Taskbell as child processes of this one."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from devstack import nats, postgres, valkey
from devstack.folder import Secrets, open_folder, write_private
from devstack.ports import HOST, Ports, free_port
from devstack.process import Process
from devstack.services import MIGRATED, SERVICES, Service, Surroundings, https, mail, migrate, service

ONE_OF_EACH: Final[Mapping[Service, int]] = MappingProxyType(dict.fromkeys(SERVICES, 1))
SERVERS_ALONE: Final[Mapping[Service, int]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Stack:
    """PostgreSQL, Valkey, NATS, the mail inbox and the services: entering starts them, leaving stops them."""

    data_dir: Path
    ports: Ports = field(default_factory=Ports.free)
    replicas: Mapping[Service, int] = field(default_factory=lambda: ONE_OF_EACH)
    environment: Mapping[str, str] = field(default_factory=dict)
    """More TASKBELL_* variables for the services; where things are, the stack knows better."""
    throwaway: bool = False
    """The data need not outlive the machine: PostgreSQL doesn't wait for the disk."""
    isolated: int = 1
    """How many Valkey databases and NATS accounts there are, for tests that share the servers."""
    folder: Path = field(init=False)
    secrets: Secrets = field(init=False)
    postgres: Process = field(init=False)
    valkey: Process = field(init=False)
    nats: Process = field(init=False)
    mail: Process = field(init=False)
    running: dict[Service, list[Process]] = field(init=False, default_factory=lambda: {kind: [] for kind in SERVICES})
    _addresses: dict[Service, list[int]] = field(init=False, default_factory=dict)
    _exit: AsyncExitStack = field(init=False)
    _claims: ExitStack = field(init=False)
    _up: bool = field(init=False, default=False)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as leaving:
            self.folder, self.secrets = await leaving.enter_async_context(open_folder(self.data_dir))
            self._claims = leaving.enter_context(ExitStack())
            self.ports = self.ports.settle(self._claims)
            self._lay_out()
            leaving.push_async_callback(self._stop)
            await self._start()
            self._exit = leaving.pop_all()
        self._up = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._up = False
        await self._exit.__aexit__(kind, error, trace)

    @property
    def processes(self) -> list[Process]:
        """All of them, in the order in which they are started."""
        return [
            self.postgres,
            self.valkey,
            self.nats,
            self.mail,
            *(each for kind in SERVICES for each in self.running[kind]),
        ]

    @property
    def services(self) -> list[Process]:
        """Taskbell's own processes, without the servers."""
        return [each for kind in SERVICES for each in self.running[kind]]

    @property
    def up(self) -> bool:
        """It has started, and not yet stopped."""
        return self._up

    @property
    def database_url(self) -> str:
        """PostgreSQL."""
        return postgres.url(self.ports.postgres, self.secrets.postgres)

    @property
    def redis_url(self) -> str:
        """Valkey."""
        return valkey.url(self.ports.valkey, self.secrets.valkey)

    @property
    def nats_url(self) -> str:
        """NATS."""
        return nats.url(self.ports.nats, self.secrets.nats)

    @property
    def http_url(self) -> str:
        """The gateway: REST, WebSocket, server-sent events, the page."""
        return f"{'https' if https(self.environment) else 'http'}://{HOST}:{self.ports.http}"

    @property
    def mail_url(self) -> str:
        """The mail inbox's page and JSON."""
        return f"http://{HOST}:{self.ports.mail}"

    @property
    def tasks_address(self) -> str:
        """Every tasksvc that was asked for, as a gRPC target."""
        return _target(self._addresses["tasksvc"])

    @property
    def notify_address(self) -> str:
        """Every notifysvc that was asked for, as a gRPC target."""
        return _target(self._addresses["notifysvc"])

    @property
    def tasksvc(self) -> Process:
        """The first tasksvc."""
        return self.running["tasksvc"][0]

    @property
    def notifysvc(self) -> Process:
        """The first notifysvc."""
        return self.running["notifysvc"][0]

    @property
    def gatewaysvc(self) -> Process:
        """The first gateway."""
        return self.running["gatewaysvc"][0]

    async def add(self, kind: Service) -> Process:
        """One more replica of the service, ready. The others don't know its address."""
        replica = self._replica(kind, free_port(self._claims), 0)
        self.running[kind].append(replica)
        await replica.start()
        return replica

    def service_environment(self) -> dict[str, str]:
        """The TASKBELL_* variables that lead a service, or the command line, to this stack."""
        known = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "NATS_URL": self.nats_url,
            "SERVICE_KEY": self.secrets.service_key,
            "TASKS_ADDRESS": self.tasks_address,
            "NOTIFY_ADDRESS": self.notify_address,
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(self.ports.smtp),
        }
        return {
            "TASKBELL_PUBLIC_URL": self.http_url,
            **self.environment,
            **{f"TASKBELL_{name}": value for name, value in known.items() if value},
        }

    def _lay_out(self) -> None:
        ports, secrets = self.ports, self.secrets
        self.postgres = postgres.postgres(self.folder, ports.postgres, secrets.postgres, throwaway=self.throwaway)
        self.valkey = valkey.valkey(self.folder, ports.valkey, secrets.valkey, databases=max(self.isolated, 16))
        self.nats = nats.nats(self.folder, ports.nats, secrets.nats, accounts=self.isolated)
        self.mail = mail(self.folder, ports.smtp, ports.mail)
        first = {"tasksvc": ports.tasks, "notifysvc": ports.notify, "gatewaysvc": ports.http}
        for kind in SERVICES:
            count = self.replicas.get(kind, 0)
            self._addresses[kind] = [first[kind], *(free_port(self._claims) for _ in range(1, count))][:count]
        # Only now: each of them is told where all the others are.
        for index, kind in enumerate(SERVICES):
            metrics_ports = chain([ports.metrics + index], repeat(0))
            for port, metrics_port in zip(self._addresses[kind], metrics_ports, strict=False):
                self.running[kind].append(self._replica(kind, port, metrics_port))

    def _replica(self, kind: Service, port: int, metrics_port: int) -> Process:
        number = len(self.running[kind]) + 1
        return service(kind, f"{kind}-{number}", port, metrics_port, self._surroundings())

    def _surroundings(self) -> Surroundings:
        return Surroundings(self.folder, self.service_environment())

    async def _start(self) -> None:
        write_private(
            self.folder / "env", "".join(f"{name}={value}\n" for name, value in self.service_environment().items())
        )
        await _together(self._start_postgres(), self.valkey.start(), self.nats.start(), self.mail.start())
        migrated = [kind for kind in MIGRATED if self.running[kind]]
        await _together(*(migrate(kind, self.database_url) for kind in migrated))
        await _together(*(each.start() for kind in SERVICES for each in self.running[kind]))

    async def _start_postgres(self) -> None:
        await postgres.prepare(self.folder, self.secrets.postgres, throwaway=self.throwaway)
        await self.postgres.start()

    async def _stop(self) -> None:
        # From the outside in: whoever stops can still speak to what it stands on.
        for kind in reversed(SERVICES):
            await _together(*(each.stop() for each in self.running[kind]))
        await _together(*(each.stop() for each in (self.mail, self.nats, self.valkey, self.postgres)))


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """All at once; the first that fails is what is raised, and the others are cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


def _target(ports: list[int]) -> str:
    """One address as it is; several as a gRPC target that is balanced over."""
    addresses = [f"{HOST}:{port}" for port in ports]
    return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}" if addresses else ""
