"""The one file that the command keeps: the contexts (which servers, whose session), readable by its owner only."""

import asyncio
import fcntl
import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cli.failures import UsageProblem

DEFAULT_CONTEXT = "default"


@dataclass
class Session:
    """A person's log-in at one context's servers."""

    username: str
    access_token: str
    refresh_token: str
    expires: float
    """When the access token ends, in seconds since 1970."""

    def is_fresh(self) -> bool:
        """Whether the access token holds long enough for a call."""
        return time.time() < self.expires - 15


@dataclass
class Context:
    """Where to find one installation's services, and the session there."""

    tasks_address: str = "127.0.0.1:50051"
    notify_address: str = "127.0.0.1:50052"
    tls: str = "off"
    tls_ca_file: str = ""
    tls_cert_file: str = ""
    tls_key_file: str = ""
    tls_server_name: str = ""
    output: str = ""
    session: Session | None = None


@dataclass
class Config:
    """All contexts, and the one in use."""

    current: str = DEFAULT_CONTEXT
    contexts: dict[str, Context] = field(default_factory=lambda: {DEFAULT_CONTEXT: Context()})

    def context(self, name: str) -> Context:
        """The context of that name."""
        if name not in self.contexts:
            known = ", ".join(sorted(self.contexts))
            raise UsageProblem(
                f"there is no context {name!r}; there are: {known}",
                hint=f"make it with `taskbell config set tasks-address HOST:PORT --context {name}`",
            )
        return self.contexts[name]


class ConfigFile:
    """Read whole and replaced whole, so that nobody meets half of it; changes take turns, between processes too."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_user(cls) -> "ConfigFile":
        """The file at $TASKBELL_CONFIG, or in the user's configuration folder."""
        if moved := os.environ.get("TASKBELL_CONFIG"):
            return cls(Path(moved))
        home = os.environ.get("XDG_CONFIG_HOME")
        return cls((Path(home) if home else Path.home() / ".config") / "taskbell" / "config.json")

    def read(self) -> Config:
        """What the file says; the defaults if there is none yet."""
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return Config()
        except OSError as error:
            raise UsageProblem(f"{self.path} can't be read: {error.strerror}") from error
        try:
            written = json.loads(text)
            contexts = {name: _context(each) for name, each in written["contexts"].items()}
            return Config(current=written["current"], contexts=contexts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageProblem(f"{self.path} isn't a configuration of taskbell", hint="repair or delete it") from error

    @asynccontextmanager
    async def change(self) -> AsyncIterator[Config]:
        """The configuration, to be changed in place; written at the end unless there was an error. All others wait."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A file of its own: the configuration itself is replaced, and with it a lock on it would be.
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(lock):  # noqa: ASYNC110 - another process holds it, and sets no event of ours
                await asyncio.sleep(0.02)
            config = self.read()
            yield config
            self._write(config)
        finally:
            os.close(lock)

    def _write(self, config: Config) -> None:
        fresh = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump(asdict(config), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


def _context(written: dict[str, object]) -> Context:
    session = written.get("session")
    return Context(**{**written, "session": Session(**session) if isinstance(session, dict) else None})  # type: ignore[arg-type]  # TypeError is a broken file


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
