"""The ports of a stack: those that were asked for are checked, the others are found."""

import random
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Self

from devstack.errors import StackError

HOST: Final = "127.0.0.1"


def variable(name: str) -> str:
    """The environment variable that sets this port."""
    return f"TASKBELL_{name.upper()}_PORT"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a stack listens; 0 means any free port."""

    http: int = 8080
    tasks: int = 50051
    notify: int = 50052
    metrics: int = 9101
    """The first of three in a row: tasksvc, notifysvc, gatewaysvc."""
    mail: int = 8025
    smtp: int = 1025
    postgres: int = 0
    valkey: int = 0
    nats: int = 0

    @classmethod
    def free(cls) -> Self:
        """Any ports, for a stack beside others."""
        return cls(**dict.fromkeys((field.name for field in fields(cls)), 0))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, free: bool = False) -> Self:
        """The ports that the environment names, and the usual ones (or any, if `free`) for the rest."""
        wanted = asdict(cls.free() if free else cls())
        for name in wanted:
            if given := environment.get(variable(name), "").strip():
                if not given.isdecimal() or int(given) > 65535:  # noqa: PLR2004 - the highest port there is
                    raise StackError(f"{variable(name)} is {given!r}; a port is a number from 0 (any) to 65535.")
                wanted[name] = int(given)
        return cls(**wanted)

    def settle(self) -> Self:
        """The same with every port named. Raises StackError if a wanted one is taken."""
        wanted = asdict(self)
        taken: list[str] = []
        with ExitStack() as held:
            for name, port in wanted.items():
                for each in _row(name, port):
                    try:
                        held.enter_context(_listen(each))
                    except OSError as error:
                        taken.append(f"port {each} ({variable(name)}): {error.strerror}")
            if taken:
                raise StackError(
                    "These ports cannot be used:\n"
                    + "".join(f"  {each}\n" for each in taken)
                    + "Stop what listens there, set the variable to another port, or start with --free-ports."
                )
            for name, port in wanted.items():
                if port == 0:
                    wanted[name] = _find(held, 3 if name == "metrics" else 1)
        return type(self)(**wanted)


def free_port() -> int:
    """A port that nobody listens on."""
    with ExitStack() as held:
        return _find(held, 1)


def _row(name: str, port: int) -> Iterable[int]:
    return range(port, min(port + 3, 65536)) if name == "metrics" and port else [port] if port else []


def _find(held: ExitStack, count: int) -> int:
    """The first of `count` free ports in a row; they stay held so that they aren't found twice."""
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for _ in range(1000):
        # Below the range that outgoing connections take theirs from: there a port found free stays so.
        first = random.randrange(20000, max(lowest_outgoing, 30000) - count)  # noqa: S311 - no secret
        with ExitStack() as attempt:
            try:
                for port in range(first, first + count):
                    attempt.enter_context(_listen(port))
            except OSError:
                continue
            held.push(attempt.pop_all())
            return first
    raise StackError("There is no free port between 20000 and 30000.")


def _listen(port: int) -> socket.socket:
    """Listens for as long as the socket is open: merely bound sockets may share a port, listening ones don't."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener
