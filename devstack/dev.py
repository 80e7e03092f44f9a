"""`taskbell dev`: everything on this machine, until Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devstack.console import Console
from devstack.errors import StackError
from devstack.ports import HOST, Ports
from devstack.process import Process, fate
from devstack.stack import Stack

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
STEADY: Final = 30.0
"""Seconds after which a process that was started again counts as well."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the stack as the flags and the environment say; the exit status."""
    parser = argparse.ArgumentParser(prog="taskbell dev", description="Databases, bus and services until Ctrl-C.")
    parser.add_argument("--tasksvc", type=int, default=1, metavar="N", help="replicas of tasksvc")
    parser.add_argument("--notifysvc", type=int, default=1, metavar="N", help="replicas of notifysvc")
    parser.add_argument("--free-ports", action="store_true", help="any free ports, but those that a variable names")
    given = parser.parse_args(arguments)
    if min(given.tasksvc, given.notifysvc) < 1:
        parser.error("at least one replica of each service is needed")
    try:
        stack = Stack(
            data_dir=Path(os.environ.get("TASKBELL_DATA_DIR") or ".taskbell"),
            ports=Ports.from_environment(os.environ, free=given.free_ports),
            replicas={"tasksvc": given.tasksvc, "notifysvc": given.notifysvc, "gatewaysvc": 1},
            environment={name: value for name, value in os.environ.items() if name.startswith("TASKBELL_")},
        )
        asyncio.run(serve(stack))
    except StackError as error:
        sys.stderr.write(f"taskbell dev: {error}\n")
        return 1
    except asyncio.CancelledError:  # told to stop while it started
        return 0
    return 0


async def serve(stack: Stack) -> None:
    """Runs the stack until SIGINT or SIGTERM: shows its log, and starts again what dies."""
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console = Console(stack.data_dir.resolve() / "logs", coloured=coloured)
    stopping = asyncio.Event()
    following = asyncio.create_task(console.follow())
    try:
        with _told_to_stop(stack, stopping):
            began = time.monotonic()
            console.say("Starting PostgreSQL, Valkey, NATS, the mail inbox and the services...")
            async with stack:
                console.catch_up()
                console.say(_addresses(stack, time.monotonic() - began))
                await _until(stopping, stack, console)
                console.say("Stopping; once more Ctrl-C does not wait for calls in flight.")
    finally:
        following.cancel()
        await asyncio.wait([following])
        console.catch_up()
    console.say(f"Stopped. The data is in {stack.data_dir}.")


async def _until(stopping: asyncio.Event, stack: Stack, console: Console) -> None:
    async with asyncio.TaskGroup() as group:
        keepers = [group.create_task(_keep(process, console)) for process in stack.processes]
        await stopping.wait()
        for keeper in keepers:
            keeper.cancel()


async def _keep(process: Process, console: Console) -> None:
    """Starts the process again whenever it dies, after a pause that grows while it doesn't help."""
    pause = FIRST_PAUSE
    while True:
        since = time.monotonic()
        status = await process.ended()
        if time.monotonic() - since > STEADY:
            pause = FIRST_PAUSE
        console.catch_up()
        console.say(f"{process.name} {fate(status)}; it is started again in {pause:g} s. {process.last_words(5)}")
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        try:
            await process.start()
            console.say(f"{process.name} is back.")
        except StackError as error:
            console.say(str(error))


@contextmanager
def _told_to_stop(stack: Stack, stopping: asyncio.Event) -> Iterator[None]:
    """The first signal stops the stack in order, or its start at once; the second one kills what is slow to stop."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        if stopping.is_set():
            for process in stack.services:
                process.crash()
        elif not stack.up and task is not None:
            task.cancel()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _addresses(stack: Stack, seconds: float) -> str:
    ports = stack.ports
    metrics = ", ".join(f"http://{HOST}:{ports.metrics + index}/metrics" for index in range(3))
    rows = [
        ("web and REST", f"{stack.http_url}   (the API: {stack.http_url}/docs)"),
        ("tasksvc", f"{', '.join(each.address for each in stack.running['tasksvc'])}   gRPC"),
        ("notifysvc", f"{', '.join(each.address for each in stack.running['notifysvc'])}   gRPC"),
        ("mail", f"{stack.mail_url}   SMTP {HOST}:{ports.smtp}"),
        ("metrics", metrics),
        ("data", f"{stack.data_dir}/   logs/, and env with the addresses and passwords of the databases"),
    ]
    lines = [f"  {name:<13} {value}" for name, value in rows]
    return "\n".join(["", f"Taskbell is up after {seconds:.1f} s. Ctrl-C stops it.", "", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
