"""The ports of a stack: those that were asked for are checked, the others are found."""

import random
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, Self

from devstack.errors import StackError

HOST: Final = "127.0.0.1"
_ASIDE: Final = ("metrics", "mail", "smtp")
"""Ports that a client is told rather than knows by heart: where nobody named them, a second stack takes others."""


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
    yielding: frozenset[str] = frozenset()
    """Those that may be any other port if theirs is taken."""

    @classmethod
    def free(cls) -> Self:
        """Any ports, for a stack beside others."""
        return replace(cls(), **dict.fromkeys(cls._names(), 0), yielding=frozenset())

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, free: bool = False) -> Self:
        """The ports that the environment names, and the usual ones (or any, if `free`) for the rest.

        Of the rest, those for metrics and mail yield to whoever has them already.
        """
        wanted = (cls.free() if free else cls()).numbers()
        yielding = set(_ASIDE)
        for name in wanted:
            if given := environment.get(variable(name), "").strip():
                if not given.isdecimal() or int(given) > 65535:  # noqa: PLR2004 - the highest port there is
                    raise StackError(f"{variable(name)} is {given!r}; a port is a number from 0 (any) to 65535.")
                wanted[name] = int(given)
                yielding.discard(name)
        return replace(cls(), **wanted, yielding=frozenset(yielding))

    def numbers(self) -> dict[str, int]:
        """The ports by their names."""
        return {name: getattr(self, name) for name in self._names()}

    def settle(self, claims: ExitStack) -> Self:
        """The same with every port named, and none of them found by another stack until the claims are given up.

        Raises StackError if a wanted one is taken.
        """
        wanted = self.numbers()
        for name in self.yielding:
            if not _all_free(_row(name, wanted[name])):
                wanted[name] = 0
        taken: list[str] = []
        with ExitStack() as held:
            for name, port in wanted.items():
                for each in _row(name, port):
                    try:
                        held.enter_context(_listen(each))
                    except OSError as error:
                        taken.append(f"port {each} ({variable(name)}): {error.strerror}")
                    # Whoever names a port may have claimed it before.
                    with suppress(OSError):
                        claims.enter_context(_claim(each))
        if taken:
            raise StackError(
                "These ports cannot be used:\n"
                + "".join(f"  {each}\n" for each in taken)
                + "Stop what listens there, set the variable to another port, or start with --free-ports."
            )
        for name, port in wanted.items():
            if port == 0:
                wanted[name] = free_port(claims, in_a_row=3 if name == "metrics" else 1)
        return replace(self, **wanted, yielding=frozenset())

    @classmethod
    def _names(cls) -> list[str]:
        return [field.name for field in fields(cls) if field.name != "yielding"]


def free_port(claims: ExitStack | None = None, *, in_a_row: int = 1) -> int:
    """A port (the first of some in a row) that nobody listens on.

    Nobody else finds it here until the claims are given up; without them, until this process ends.
    """
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    # Below the range that outgoing connections take theirs from: there a port found free stays so.
    last = max(lowest_outgoing, 30000) - in_a_row
    for _ in range(1000):
        first = random.randrange(20000, last)  # noqa: S311 - no secret
        with ExitStack() as attempt, suppress(OSError):
            signs = [attempt.enter_context(_claim(port)) for port in range(first, first + in_a_row)]
            for port in range(first, first + in_a_row):
                _listen(port).close()
            if claims is None:
                for sign in signs:
                    sign.detach()
            else:
                claims.push(attempt.pop_all())
            return first
    raise StackError(f"There is no free port between 20000 and {last}.")


def _row(name: str, port: int) -> Iterable[int]:
    return range(port, min(port + 3, 65536)) if name == "metrics" and port else [port] if port else []


def _all_free(ports: Iterable[int]) -> bool:
    with ExitStack() as held:
        try:
            for port in ports:
                held.enter_context(_claim(port))
                held.enter_context(_listen(port))
        except OSError:
            return False
    return True


def _claim(port: int) -> socket.socket:
    """Tells other stacks that the port is spoken for, long before somebody listens there; ends with this process."""
    sign = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A name in the kernel, not a file, and like a port known within the network namespace.
        sign.bind(f"\0taskbell/port/{port}")
    except OSError:
        sign.close()
        raise
    return sign


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
