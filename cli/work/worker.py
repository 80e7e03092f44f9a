"""A worker: gets the tasks of queues over a Work stream, has its handlers do them, and says how each has ended.

worker = Worker(client, project=project_id, concurrency=4)

@worker.handler("thumbnails")
async def make(job: Job) -> dict[str, Any]:
    ...

await worker.run()
"""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from chassis.errors import LeaseLost, ServiceError
from cli.reconnect import passes
from cli.sdk import queues
from cli.work.handlers import Handler, attempt, is_async
from cli.work.happenings import Draining, Ended, Listener, Progressed, Refused, Started, Stopped, log
from cli.work.job import Job
from cli.work.line import Line
from cli.work.outbox import Outbox
from cli.work.outcome import Failed, Outcome, Released
from cli.work.signals import signals_to

if TYPE_CHECKING:
    from cli.client import Client

H = TypeVar("H", bound=Handler)

GRACE: Final = 30.0
MOST: Final = 1000
_LAST_WORDS: Final = 15.0
"""Seconds to say what has become of the jobs, once all is given back."""
_SAY_AGAIN: Final = 1.0


@dataclass(slots=True)
class _Running:
    """A job that a handler is at."""

    job: Job
    handler: Handler
    task: "asyncio.Task[None] | None" = None
    began: float = field(default_factory=time.monotonic)
    begun: bool = False
    lost: bool = False
    """Its lease is gone: nobody waits for the outcome."""
    interrupted: bool = False
    """It is given back, unless the handler is just ready."""

    def cancel(self) -> None:
        """Stops the handler, if it has begun: a task that hasn't would not even be told."""
        self.job.cancel()
        if self.task is not None and self.begun:
            self.task.cancel()


class Worker:
    """Runs up to `concurrency` handlers at a time. What it holds when it is told to stop, it finishes or gives back."""

    def __init__(
        self,
        client: "Client",
        *,
        project: str = "",
        name: str = "",
        concurrency: int = 10,
        lease: timedelta | None = None,
        grace: float = GRACE,
        listener: Listener = log,
    ) -> None:
        """`project`: an id; your personal one if empty. `lease`: how long its jobs outlive a broken connection."""
        if not 1 <= concurrency <= MOST:
            raise ValueError(f"concurrency is {concurrency}: it must be 1 to {MOST:,}")
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._project = project
        self._concurrency = concurrency
        self._lease = lease
        self._grace = grace
        self._tell = listener
        self._handlers: dict[str, Handler] = {}
        self._outbox = Outbox()
        self._line = Line(client, self._outbox, hello=self._hello, hear=self._hear, tell=listener)
        self._running: dict[str, _Running] = {}
        self._group: asyncio.TaskGroup | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._draining = self._giving_back = False

    def handler(self, queue: str) -> Callable[[H], H]:
        """The function, `async` or not, does the tasks of the queue. Queues that are named first come first."""

        def register(handler: H) -> H:
            self._handlers[queue] = handler
            return handler

        return register

    async def run(self) -> None:
        """Works until SIGTERM or SIGINT (Ctrl-C), then drains; a second one gives back at once what still runs."""
        with signals_to(lambda _: self.stop()):
            await self.work()

    async def work(self) -> None:
        """Works until `stop`. Raises ServiceError where waiting doesn't help, such as a token without `queues:work`."""
        failure: ServiceError | OSError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._keeping = group.create_task(self._line.keep())
        except* (ServiceError, OSError) as failures:
            failure = next(each for each in failures.exceptions if isinstance(each, ServiceError | OSError))
        finally:
            self._group = None
            for timer in self._timers:
                timer.cancel()
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """Takes no more tasks, and finishes those that run within `grace` seconds; called again, gives them back."""
        if self._draining:
            self._give_back()
            return
        self._draining = True
        self._outbox.drain()
        self._tell(Draining(len(self._running), self._grace))
        self._later(self._grace, self._give_back)
        self._end_if_done()

    def _give_back(self) -> None:
        if self._giving_back:
            return
        self._giving_back = True
        for running in self._running.values():
            running.interrupted = True
            running.cancel()
        if self._keeping is not None:
            self._later(_LAST_WORDS, self._keeping.cancel)

    def _end_if_done(self) -> None:
        if self._draining and not self._running and not self._outbox.unanswered:
            self._outbox.close()

    def _later(self, seconds: float, call: Callable[[], object]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, call))

    def _hello(self) -> queues.WorkHello:
        held = [lease_id for lease_id, running in self._running.items() if not running.lost]
        return queues.WorkHello(
            queues=[*self._handlers],
            project_id=self._project,
            worker=self.name,
            credit=0 if self._draining else max(self._concurrency - len(self._running), 0),
            lease_duration=self._lease,
            holding=[*held, *self._outbox.unanswered][:MOST],
        )

    def _hear(self, heard: queues.WorkResponse) -> None:
        for lease in heard.leases.leases if heard.leases else ():
            self._take(lease)
        for result in heard.answered.results if heard.answered else ():
            self._confirm(result)
        for lease_id in heard.cancelled.lease_ids if heard.cancelled else ():
            self._lose(lease_id)
        self._end_if_done()

    def _take(self, lease: queues.Lease) -> None:
        handler = self._handlers.get(lease.task.queue if lease.task else "")
        if self._draining or handler is None or self._group is None:
            self._outbox.answer(lease.lease_id, Released())
            self._outbox.give_credit()
            return
        loop, ours = asyncio.get_running_loop(), threading.get_ident()

        def report(percent: int, message: str) -> None:
            if threading.get_ident() == ours:
                self._report(lease.lease_id, percent, message)
            else:
                loop.call_soon_threadsafe(self._report, lease.lease_id, percent, message)

        running = self._running[lease.lease_id] = _Running(Job(lease, report), handler)
        running.task = self._group.create_task(self._do(running))
        self._tell(Started(running.job))

    async def _do(self, running: _Running) -> None:
        running.begun = True
        outcome: Outcome = Released()
        if not running.job.cancelled:
            try:
                outcome = await attempt(running.handler, running.job)
            except asyncio.CancelledError:
                if not running.lost and not running.interrupted:
                    raise
        if running.interrupted and isinstance(outcome, Failed):
            outcome = Released()  # its own way to stop
        lease_id = running.job.lease_id
        del self._running[lease_id]
        running.job.cancel()
        seconds = time.monotonic() - running.began
        if running.lost:
            self._tell(Stopped(running.job, seconds))
        else:
            self._outbox.answer(lease_id, outcome)
            self._tell(Ended(running.job, outcome, seconds))
        self._outbox.give_credit()
        self._end_if_done()

    def _report(self, lease_id: str, percent: int, message: str) -> None:
        running = self._running.get(lease_id)
        if running is not None and not running.lost:
            self._outbox.report(lease_id, percent, message)
            self._tell(Progressed(running.job, percent, message))

    def _confirm(self, result: queues.AnswerResult) -> None:
        lease_id, reason = result.lease_id, result.reason
        outcome = self._outbox.sent(lease_id)
        if outcome is None:
            # A report of progress.
            if reason == LeaseLost.reason:
                self._lose(lease_id)
            return
        if reason and not (reason == LeaseLost.reason and self._outbox.was_repeated(lease_id)):
            self._tell(Refused(lease_id, reason, result.error))
        if reason in {"", LeaseLost.reason} or isinstance(outcome, Released):
            self._outbox.forget(lease_id)
        elif passes(_kind(reason)("")):
            self._later(_SAY_AGAIN, lambda: self._outbox.say_again(lease_id))
        else:
            # The lease still holds: the task would wait for an answer as long as this worker lives.
            refused = Failed(f"The result was refused: {result.error}")
            self._outbox.answer(lease_id, Released() if isinstance(outcome, Failed) else refused)

    def _lose(self, lease_id: str) -> None:
        self._outbox.forget(lease_id)
        running = self._running.get(lease_id)
        if running is None or running.lost:
            return
        running.lost = True
        if is_async(running.handler):
            running.cancel()
        else:
            # A thread can't be interrupted: until it returns, it takes the place of another job.
            running.job.cancel()


def _kind(reason: str) -> type[ServiceError]:
    return next((kind for kind in ServiceError.kinds() if kind.reason == reason), ServiceError)
