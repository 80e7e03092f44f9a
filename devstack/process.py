"""A child process: started until it is ready, stopped, killed, frozen; its output goes to a file."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from devstack.errors import StackError
from devstack.leftovers import remember
from devstack.ports import HOST

POLL: Final = 0.02
"""Seconds between two looks at a child that is not ready yet."""


@dataclass(slots=True, kw_only=True)
class Process:
    """What to run and how to tell that it is ready; once started, the running child."""

    name: str
    port: int
    """Where it is spoken to."""
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """The data folder: the output goes to logs/NAME.log, the process id to run/NAME."""
    ready: Callable[[], Awaitable[bool]]
    patience: float = 60.0
    """Seconds that it may take to get ready."""
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """What it gets when this process dies without stopping it."""
    grace: float = 30.0
    """Seconds that it may take to stop."""
    wanted: bool = field(default=False, init=False)
    """It should be running; when it isn't, it crashed."""
    _child: asyncio.subprocess.Process | None = field(default=None, init=False)
    _log_start: int = field(default=0, init=False)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    @property
    def address(self) -> str:
        """Where it is spoken to: host and port."""
        return f"{HOST}:{self.port}"

    @property
    def started(self) -> bool:
        """It has been started, and may have ended since."""
        return self._child is not None

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs or before it was started."""
        return None if self._child is None else self._child.returncode

    @property
    def log_path(self) -> Path:
        """Where its output goes."""
        return self.folder / "logs" / f"{self.name}.log"

    async def start(self) -> None:
        """Runs it and returns when it is ready. Raises StackError with its last words when it ends or is too slow."""
        await self._spawn()
        self.wanted = True
        ended = asyncio.ensure_future(self.ended())
        ready = asyncio.ensure_future(self._until_ready())
        try:
            await asyncio.wait({ended, ready}, timeout=self.patience, return_when=asyncio.FIRST_COMPLETED)
            self._judge(ended, ready)
        except BaseException:
            await self.kill()
            raise
        finally:
            for task in (ended, ready):
                task.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    async def ended(self) -> int:
        """Waits for its end; the exit status."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Asks it to stop, and kills it if it doesn't within its grace."""
        self.wanted = False
        if self._child is None or self._child.returncode is not None:
            return
        self._send(signal.SIGCONT)
        self._send(self.stop_signal)
        try:
            async with asyncio.timeout(self.grace):
                await self.ended()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self.wanted = False
        if self._child is not None:
            self._send(signal.SIGKILL)
            await self.ended()

    def crash(self) -> None:
        """SIGKILL as an accident: whoever watches over it sees it die."""
        self._send(signal.SIGKILL)

    def freeze(self) -> None:
        """Stops its clock: it keeps its connections and answers nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on after `freeze`."""
        self._send(signal.SIGCONT)

    def last_words(self, lines: int = 20) -> str:
        """The end of what it has written since it was started."""
        with self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            # It may have been cut since the start.
            log.seek(max(self._log_start if self._log_start <= size else 0, size - 16_384))
            tail = log.read().decode(errors="replace").splitlines()[-lines:]
        if not tail:
            return "It said nothing."
        return "\n".join([f"The end of {self.log_path}:", *(f"  {line}" for line in tail)])

    async def _spawn(self) -> None:
        if self._child is not None and self._child.returncode is None:
            raise StackError(f"{self.name} is running already.")
        with self.log_path.open("ab") as log:
            self._log_start = log.seek(0, os.SEEK_END)
            self._child = await asyncio.create_subprocess_exec(
                *dies_with_parent(self.orphan_signal),
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder / "run",
                env=dict(self.environment),
                umask=0o077,
                start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then stops them in order
            )
        remember(self.folder, self.name, self._child.pid)

    async def _until_ready(self) -> None:
        while not await self.ready():  # noqa: ASYNC110 - another process gets ready: there is no event to wait for
            await asyncio.sleep(POLL)

    def _judge(self, ended: asyncio.Future[int], ready: asyncio.Future[None]) -> None:
        if ended.done():
            raise StackError(f"{self.name} {fate(ended.result())} while it started. {self.last_words()}")
        if not ready.done():
            raise StackError(f"{self.name} was not ready within {self.patience:g} s. {self.last_words()}")
        ready.result()

    def _running(self) -> asyncio.subprocess.Process:
        if self._child is None:
            raise StackError(f"{self.name} was not started.")
        return self._child

    def _send(self, number: signal.Signals) -> None:
        child = self._child
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)


def dies_with_parent(number: signal.Signals) -> list[str]:
    """The words before a command that make the kernel send it this signal when its parent dies.

    A launcher, not a hook between fork and exec: this process may have threads. The kernel looks at the parent's
    thread, so a stack belongs in a thread that lives as long as it (the main one).
    """
    launcher = shutil.which("setpriv")
    return [launcher, "--pdeathsig", number.name.removeprefix("SIG")] if launcher else []


def fate(status: int) -> str:
    """An exit status in words."""
    return f"died of {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
