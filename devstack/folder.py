"""The data folder of a stack: whose it is, its secrets, what runs from it."""

import asyncio
import fcntl
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from devstack.errors import StackError
from devstack.leftovers import reap


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords made once for a data folder. They are safe in a URL."""

    postgres: str = field(repr=False)
    valkey: str = field(repr=False)
    nats: str = field(repr=False)
    service_key: str = field(repr=False)


@asynccontextmanager
async def open_folder(path: Path) -> AsyncIterator[tuple[Path, Secrets]]:
    """The folder, made if need be and held against a second stack, with nothing of an earlier one still running."""
    folder, lock = _make(path)
    try:
        _hold(lock, folder)
        await asyncio.to_thread(reap, folder)
        yield folder, _secrets(folder / "secrets.json")
    finally:
        os.close(lock)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read: all of it or, after a crash, nothing."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _make(path: Path) -> tuple[Path, int]:
    folder = path.resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("logs", "run"):
            (folder / name).mkdir(exist_ok=True, mode=0o711 if name == "run" else 0o700)
        return folder, os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(
            f"The data folder {folder} cannot be used: {error.strerror}. TASKBELL_DATA_DIR names another."
        ) from error


def _hold(lock: int, folder: Path) -> None:
    try:
        # Held by the kernel until this process ends, however it ends.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        raise StackError(
            f"The data folder {folder} is in use by process {owner}. "
            "Stop that one, or set TASKBELL_DATA_DIR to another folder."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _secrets(path: Path) -> Secrets:
    if not path.exists():
        made = Secrets(*(secrets.token_urlsafe(24) for _ in range(4)))
        write_private(path, json.dumps(asdict(made), indent=2) + "\n")
    return Secrets(**json.loads(path.read_text(encoding="utf-8")))
