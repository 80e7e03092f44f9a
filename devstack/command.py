"""A command that runs to its end."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from devstack.errors import StackError
from devstack.process import dies_with_parent, fate


async def run(name: str, command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> None:
    """Runs it; when this is cancelled it is gone with all that it started. Raises StackError with its output."""
    child = await asyncio.create_subprocess_exec(
        *dies_with_parent(signal.SIGKILL),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env=dict(environment),
        start_new_session=True,
    )
    try:
        output, _ = await child.communicate()
    except BaseException:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
        raise
    if child.returncode:
        raise StackError(f"{name} {fate(child.returncode)}:\n{output.decode(errors='replace').rstrip()}")
