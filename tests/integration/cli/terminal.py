"""Somebody at a terminal of their own who types `taskbell ...`, against the whole system as it runs."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import aiohttp

PASSWORD = "correct horse battery"
PIPE = asyncio.subprocess.PIPE


@dataclass(frozen=True)
class Printed:
    """What a command has left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """Runs commands with a configuration file of its own."""

    config: Path
    http_url: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    username: str = ""

    def given(self, **variables: str) -> Self:
        """The same with more environment variables."""
        return replace(self, environment={**self.environment, **variables})

    async def run(self, *arguments: str, stdin: str = "") -> Printed:
        """Runs a command to its end."""
        async with asyncio.timeout(60):
            child = await self._start(arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE)
            out, err = await child.communicate(stdin.encode())
        assert child.returncode is not None
        return Printed(child.returncode, out.decode(), err.decode())

    async def ok(self, *arguments: str, stdin: str = "") -> str:
        """Runs a command that must succeed; its output."""
        printed = await self.run(*arguments, stdin=stdin)
        assert printed.code == 0, printed
        return printed.out

    async def json(self, *arguments: str, stdin: str = "") -> Any:
        """Runs a command that must succeed; its JSON."""
        return json.loads(await self.ok(*arguments, "--output", "json", stdin=stdin))

    async def refused(self, code: int, *arguments: str, stdin: str = "") -> str:
        """Runs a command that must fail in this way, with one line (and a hint) and no answer; that line."""
        printed = await self.run(*arguments, stdin=stdin)
        assert (printed.code, printed.out) == (code, ""), printed
        first, *others = printed.err.splitlines()
        assert first.startswith("error: ")
        assert all(line.startswith("hint: ") for line in others)
        return first.removeprefix("error: ")

    async def on_screen(self, *arguments: str) -> str:
        """Runs a command at a real terminal; all that it draws there."""
        ours, theirs = pty.openpty()
        child = await self._start(arguments, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        reading = asyncio.create_task(asyncio.to_thread(_drawn, ours))
        async with asyncio.timeout(60):
            await child.wait()
            return await reading

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Runs a command that goes on until Ctrl-C, which it gets at the end."""
        child = await self._start(arguments, stdout=PIPE, stderr=PIPE)
        try:
            yield child
            child.send_signal(signal.SIGINT)
            async with asyncio.timeout(60):
                assert await child.wait() == 130
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()

    async def rest(self, path: str) -> Any:
        """What the REST API answers to the same person."""
        return await self._rest("GET", path)

    async def make(self, path: str, **body: Any) -> Any:
        """Arranges something over REST, which takes a tenth of the time of a command."""
        return await self._rest("POST", path, json=body)

    async def _rest(self, method: str, path: str, **body: Any) -> Any:
        session = json.loads(self.config.read_text())["contexts"]["default"]["session"]
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        async with (
            aiohttp.ClientSession(self.http_url) as http,
            http.request(method, path, headers=headers, **body) as response,
        ):
            assert response.status == 200, await response.text()
            return await response.json()

    @property
    def variables(self) -> dict[str, str]:
        """The environment that its commands run in."""
        inherited = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
        ours = {"TASKBELL_CONFIG": str(self.config), "COLUMNS": "120", "TERM": "xterm-256color"}
        return {**inherited, **ours, **self.environment}

    async def _start(self, arguments: tuple[str, ...], **streams: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", *arguments, env=self.variables, **streams
        )


def _drawn(screen: int) -> str:
    parts: list[bytes] = []
    with os.fdopen(screen, "rb", buffering=0) as file:
        while True:
            try:
                part = file.read(4096)
            except OSError:  # how Linux says that nobody draws any more
                part = b""
            if not part:
                return b"".join(parts).decode()
            parts.append(part)
