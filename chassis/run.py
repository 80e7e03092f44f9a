"""A process from its settings to its end: a server and its workers live together, leave together, or fall together."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol, TypeVar

import structlog
import uvloop
from prometheus_client import disable_created_metrics, start_http_server

from chassis.errors import Unavailable
from chassis.logs import configure_logs
from chassis.loop_delay import LoopDelay
from chassis.settings import ServiceSettings, load
from chassis.tracing import tracing

Settings = TypeVar("Settings", bound=ServiceSettings)
_FALLING: Final = 1.0
"""Seconds that calls get to end when a worker has failed."""
_COLLECTED_AFTER: Final = 10_000
"""Objects that were made and not given back."""
_log = structlog.get_logger()


class Server(Protocol):
    """What takes calls."""

    @property
    def listening(self) -> Mapping[str, str]:
        """Where, by protocol; asked after `start`."""

    async def start(self) -> None:
        """Takes calls from now on."""

    async def drain(self, grace: float) -> None:
        """First tells that it leaves, then finishes what is in flight, within `grace` seconds."""


class Worker(Protocol):
    """What works beside the server, until told to stop."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Returns soon after `stopping` is set, with everything put back in order. An error ends the process."""


class CannotStart(Exception):
    """Something that the operator has to put right first; told without a traceback."""


def launch(settings_type: type[Settings], serve: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Runs a service until it is told to stop. Ends the process with 78 for bad settings, with 1 after a crash."""
    settings = load(settings_type)
    service = settings_type.__module__.partition(".")[0]
    configure_logs(service, settings)
    with tracing(service, settings):
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve(settings))
        except (KeyboardInterrupt, asyncio.CancelledError):
            _log.warning("stopped at once")
            sys.exit(1)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged as all else is
            for each in _leaves(error):
                if isinstance(each, (CannotStart, Unavailable)):
                    _log.error("can't go on" if isinstance(each, Unavailable) else "can't start", reason=str(each))
                else:
                    _log.error("crashed", exc_info=each)
            sys.exit(1)


async def run(server: Server, *workers: Worker, settings: ServiceSettings) -> None:
    """Serves until SIGTERM or SIGINT, then lets everything in flight finish; a second signal ends it at once.

    A worker that fails takes the process down with it: half a service would be worse than none, which is started again.
    """
    loop = asyncio.get_running_loop()
    told, stopping = asyncio.Event(), asyncio.Event()
    with _signals(told), _metrics(settings) as metrics:
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(worker.run(stopping), name=type(worker).__name__)
                for worker in (LoopDelay(), *workers)
            ]
            await server.start()
            try:
                # What was loaded so far stays: later collections need not look at it. And they come less often than
                # is usual: with thousands of streams open each of them is a pause of a tenth of a second and more.
                gc.freeze()
                gc.set_threshold(_COLLECTED_AFTER, 10, 10)
                _log.info("listening", **server.listening, metrics=metrics)
                await told.wait()
            except asyncio.CancelledError:
                await server.drain(min(settings.grace, _FALLING))
                raise
            _log.info("stopping", grace=settings.grace)
            leave = loop.time() + settings.grace
            draining = group.create_task(server.drain(settings.grace))
            # Nobody is sent here any more by the time that the first worker stops.
            await asyncio.sleep(0)
            stopping.set()
            await draining
            _, late = await asyncio.wait(working, timeout=max(leave - loop.time(), _FALLING))
            for worker in late:
                _log.warning("a worker didn't stop in time", worker=worker.get_name())
                worker.cancel()
        _log.info("stopped")


@contextmanager
def _signals(told: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()

    def stop() -> None:
        if told.is_set() and main is not None:
            main.cancel()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextmanager
def _metrics(settings: ServiceSettings) -> Iterator[str]:
    """Prometheus' endpoint, in a thread of its own: it answers even when the event loop is stuck."""
    # A second series beside each counter, which nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library forgot its return type
    try:
        server, thread = start_http_server(settings.metrics_port, settings.host)
    except OSError as error:
        raise CannotStart(f"metrics: {settings.host}:{settings.metrics_port}: {error.strerror}") from error
    try:
        yield f"{settings.host}:{server.server_port}"
    finally:
        # Its thread looks every half second whether it is to end. The end of its socket is seen at once.
        with suppress(OSError):
            server.socket.shutdown(socket.SHUT_RDWR)
        server.shutdown()
        server.server_close()
        thread.join()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
