"""Says at once that tasks of a queue may start now, or that a worker has to stop: here, and on the other replicas.

Nobody depends on it. Whoever waits is called every second or so without a ring too, and a worker's leases are looked at
with every heartbeat of its stream.

Waiters stand in a line for each of their queues. A ring calls one of them, and whoever finds something calls two more:
so all come when there is work for all, and one looks in vain when there is none.
"""

import asyncio
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import uuid4

import nats.errors
import structlog
from nats.aio.msg import Msg

from chassis.jetstream import Bus
from chassis.race import race
from tasksvc.domain.queue import QueueRef

PATIENCE: Final = 1.0
"""Seconds after which one of a line is called without a ring."""
_SUBJECT: Final = "taskbell.queues"
_MOST: Final = 1000
"""How much goes into one message to the other replicas."""
_SOONEST: Final = 0.02
_FOUND_CALLS: Final = 2
_log = structlog.get_logger("tasksvc.queue_bell")


class Holder(Protocol):
    """Who works on tasks."""

    def stop(self, task_id: str) -> None:
        """Something happened to the task: see whether you still have it."""


class _Line:
    """Who waits for tasks of one queue."""

    __slots__ = ("alarm", "alarm_time", "members", "rings", "waiting")

    def __init__(self) -> None:
        self.rings = 0
        self.members = 0
        self.waiting: dict[Waiter, None] = {}
        self.alarm: asyncio.TimerHandle | None = None
        self.alarm_time = 0.0


class Waiter:
    """Somebody who looks for tasks whenever called, and waits in between."""

    def __init__(self, bell: "QueueBell", queues: Sequence[QueueRef]) -> None:
        self._bell = bell
        self._queues = queues
        self._lines = [bell.line(queue) for queue in queues]
        self._seen = self._rings()
        self.turn = asyncio.Event()

    def look(self) -> None:
        """It looks now."""
        self._seen = self._rings()

    async def called(self) -> None:
        """Returns when it is worth looking (again). What was rung since the last look began counts."""
        if self._rings() != self._seen:
            return
        self.turn.clear()
        for line in self._lines:
            line.waiting[self] = None
        try:
            await self.turn.wait()
        except asyncio.CancelledError:
            if self.turn.is_set():  # called, and gone at the same moment: the next one, please
                for queue in self._queues:
                    self._bell.ring_here(queue)
            raise
        finally:
            self.leave_lines()

    def found(self) -> None:
        """There was something: there may be more, for others too."""
        for queue in self._queues:
            self._bell.ring_here(queue, _FOUND_CALLS)

    def call_at(self, time: datetime) -> None:
        """Something may start then: one of the line is called."""
        for queue in self._queues:
            self._bell.ring_here_at(queue, time)

    def leave_lines(self) -> None:
        """Is called no more."""
        for line in self._lines:
            line.waiting.pop(self, None)

    def _rings(self) -> int:
        return sum(line.rings for line in self._lines)


class QueueBell:
    """A worker: hears the other replicas, and tells them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._name = str(uuid4())
        self._lines: dict[QueueRef, _Line] = {}
        self._holders: dict[str, Holder] = {}
        self._listeners: dict[str, asyncio.Event] = {}
        self._rung: dict[QueueRef, None] = {}
        self._stopped: dict[str, None] = {}
        self._for_others = asyncio.Event()

    def ring(self, queues: Iterable[QueueRef]) -> None:
        """Tasks of these queues may start now. Costs the caller nothing, whatever the bus does."""
        for queue in queues:
            self.ring_here(queue)
            self._rung[queue] = None
            self._for_others.set()

    def stop(self, task_ids: Iterable[str]) -> None:
        """Whoever works on these tasks may have to stop."""
        for task_id in task_ids:
            if not self._stop_here(task_id):
                self._stopped[task_id] = None
                self._for_others.set()

    @contextmanager
    def wait_for(self, queues: Collection[QueueRef]) -> Iterator[Waiter]:
        """Somebody who waits for tasks of these queues, and looks once before."""
        queues = tuple(dict.fromkeys(queues))
        waiter = Waiter(self, queues)
        for queue in queues:
            self._lines[queue].members += 1
        try:
            yield waiter
        finally:
            for queue in queues:
                line = self._lines[queue]
                line.members -= 1
                if not line.members:
                    del self._lines[queue]
                    if line.alarm is not None:
                        line.alarm.cancel()

    @contextmanager
    def listen(self, names: Iterable[str]) -> Iterator[asyncio.Event]:
        """Is set at each ring for a queue of one of these names, in whatever project. There is one listener a name."""
        rung = asyncio.Event()
        self._listeners |= dict.fromkeys(names, rung)
        try:
            yield rung
        finally:
            self._listeners = {name: other for name, other in self._listeners.items() if other is not rung}

    def hold(self, task_id: str, holder: Holder) -> None:
        """The holder works on the task, and hears if it is stopped."""
        self._holders[task_id] = holder

    def let_go(self, task_id: str, holder: Holder) -> None:
        """No longer."""
        if self._holders.get(task_id) is holder:
            del self._holders[task_id]

    async def run(self, stopping: asyncio.Event) -> None:
        """Hears what other replicas tell, tells them what was rung here, and calls without a ring now and then."""
        await race(self._hear(), self._tell(), self._tick(), stopping.wait())

    def line(self, queue: QueueRef) -> _Line:
        """The line of a queue, for those who enter it."""
        return self._lines.setdefault(queue, _Line())

    def ring_here(self, queue: QueueRef, calls: int = 1) -> None:
        """Calls so many of those who wait on this replica; those who look just now look again."""
        if listener := self._listeners.get(queue.name):
            listener.set()
        line = self._lines.get(queue)
        if line is not None:
            line.rings += 1
            for _ in range(min(calls, len(line.waiting))):
                waiter = next(iter(line.waiting))
                waiter.leave_lines()
                waiter.turn.set()

    def ring_here_at(self, queue: QueueRef, time: datetime) -> None:
        """The same, at a time to come. The earliest one counts."""
        line = self._lines.get(queue)
        if line is None:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + max((time - datetime.now(UTC)).total_seconds(), _SOONEST)
        if when >= loop.time() + PATIENCE or (line.alarm is not None and line.alarm_time <= when):
            return  # the usual call is as early
        if line.alarm is not None:
            line.alarm.cancel()
        line.alarm_time = when
        line.alarm = loop.call_at(when, self._alarm, queue, line)

    def _alarm(self, queue: QueueRef, line: _Line) -> None:
        line.alarm = None
        self.ring_here(queue)

    def _stop_here(self, task_id: str) -> bool:
        holder = self._holders.get(task_id)
        if holder is not None:
            holder.stop(task_id)
        return holder is not None

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(PATIENCE)
            for queue, line in list(self._lines.items()):
                if line.waiting:
                    self.ring_here(queue)

    async def _tell(self) -> None:
        while True:
            await self._for_others.wait()
            self._for_others.clear()
            while self._rung or self._stopped:
                told = {
                    "from": self._name,
                    "rung": [[queue.project_id, queue.name] for queue in _taken(self._rung)],
                    "stopped": _taken(self._stopped),
                }
                await self._bus.tell(_SUBJECT, json.dumps(told).encode())

    async def _hear(self) -> None:
        await self._bus.ready()
        try:
            await self._bus.client.subscribe(_SUBJECT, cb=self._receive)
        except nats.errors.Error as error:
            _log.warning("other replicas are not heard", error=repr(error))
        await asyncio.Event().wait()

    async def _receive(self, message: Msg) -> None:
        told: dict[str, Any] = json.loads(message.data)
        if told["from"] != self._name:  # heard before it was told to the others
            for project_id, name in told["rung"]:
                self.ring_here(QueueRef(project_id, name))
            for task_id in told["stopped"]:
                self._stop_here(task_id)


def _taken(waiting: dict[Any, None]) -> list[Any]:
    """The first of them, which wait no longer."""
    taken = list(waiting)[:_MOST]
    for each in taken:
        del waiting[each]
    return taken
