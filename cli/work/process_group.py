"""A command that leads a process group of its own: what it starts ends with it, and our Ctrl-C passes it by."""

import asyncio
import os
import signal
import tempfile
from asyncio import StreamReader
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from cli.work.job import AttemptFailed

KILL_AFTER: Final = 5.0
"""Seconds between SIGTERM and SIGKILL."""


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """The command as it runs, and what can be read from it."""

    process: Process
    output: StreamReader
    errors: StreamReader
    progress: StreamReader

    @property
    def code(self) -> int:
        """The exit code, once it is over; the negative of a signal that killed it."""
        assert self.process.returncode is not None  # noqa: S101 - asked once it is over
        return self.process.returncode

    async def over(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - running out of time is an answer here
        """Waits until the command has ended, and ends the rest of its group; False if the time ran out."""
        try:
            async with asyncio.timeout(timeout):
                await self.process.wait()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            await self._end()

    async def _end(self) -> None:
        try:
            if self.process.returncode is None:
                self._send(signal.SIGTERM)
                with suppress(TimeoutError):
                    async with asyncio.timeout(KILL_AFTER):
                        await self.process.wait()
        finally:
            self._send(signal.SIGKILL)
        await self.process.wait()

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


@asynccontextmanager
async def started(words: Sequence[str], environment: Mapping[str, str], payload: str) -> AsyncIterator[ProcessGroup]:
    """Starts the command. The pipes are ours: asyncio's would make `wait` wait for whoever inherits them."""
    async with AsyncExitStack() as stack:
        (output, errors, progress), ends = await _pipes(stack, 3)
        # A file can be read or not, as the command likes: nobody has to feed it.
        with tempfile.TemporaryFile() as stdin:
            stdin.write(payload.encode())
            stdin.seek(0)
            try:
                process = await asyncio.create_subprocess_exec(
                    *words,
                    stdin=stdin,
                    stdout=ends[0],
                    stderr=ends[1],
                    pass_fds=(ends[2],),
                    env={**environment, "TASKBELL_PROGRESS_FD": str(ends[2])},
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise AttemptFailed(f"{words[0]} can't be started: {error}") from error
            finally:
                for end in ends:
                    os.close(end)
        yield ProcessGroup(process, output, errors, progress)


async def _pipes(stack: AsyncExitStack, count: int) -> tuple[list[StreamReader], list[int]]:
    """Readers, and the ends that a child writes to."""
    loop = asyncio.get_running_loop()
    readers, ends = [], []
    for _ in range(count):
        read, write = os.pipe()
        ends.append(write)
        reader = StreamReader()
        make = partial(asyncio.StreamReaderProtocol, reader)
        transport, _ = await loop.connect_read_pipe(make, os.fdopen(read, "rb", buffering=0))
        stack.callback(transport.close)
        readers.append(reader)
    return readers, ends
