"""Kills and freezes the processes of a stack at random, and lets each come back."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from devstack.errors import StackError
from devstack.process import Process
from devstack.stack import Stack
from tests.chaos.delivery_settings import BLOWS, DOWN, FROZEN, MOST_DOWN


@dataclass(slots=True)
class Storm:
    """Whoever has come back may be struck again at once. Several are down at the same time, but not all."""

    stack: Stack
    chance: random.Random
    blows: Counter[str] = field(default_factory=Counter)
    _down: set[str] = field(default_factory=set)

    async def rage(self, over: asyncio.Event) -> None:
        """Strikes until it is over, and returns when everybody is well again."""
        async with asyncio.TaskGroup() as recoveries:
            while not over.is_set():
                if len(self._down) < MOST_DOWN:
                    up = [each for each in self._victims() if each.name not in self._down]
                    victim, strike = self.chance.choice(up), self.chance.choice((self._kill, self._freeze))
                    self._down.add(victim.name)
                    self.blows[f"{victim.name} {strike.__name__.strip('_')}"] += 1
                    recoveries.create_task(strike(victim))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.chance.uniform(*BLOWS)):
                        await over.wait()

    def _victims(self) -> Sequence[Process]:
        return [self.stack.postgres, self.stack.valkey, self.stack.nats, *self.stack.services]

    async def _kill(self, victim: Process) -> None:
        wait = self.chance.uniform(*DOWN)
        await victim.kill()
        await asyncio.sleep(wait)
        while True:
            try:
                await victim.start()
            except StackError as error:
                # What it needs is down, too, or its own children are not quite gone.
                print(str(error)[:500])  # noqa: T201 - shown where the test fails
                await asyncio.sleep(0.2)
            else:
                break
        self._down.discard(victim.name)

    async def _freeze(self, victim: Process) -> None:
        frozen = _family(victim.pid)
        _send(frozen, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.chance.uniform(*FROZEN))
        finally:  # also when the test ends early: who is frozen can't be stopped
            _send(frozen, signal.SIGCONT)
        self._down.discard(victim.name)


def _family(pid: int) -> list[int]:
    """A process and its children: PostgreSQL has one for each connection."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *map(int, children)]


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
