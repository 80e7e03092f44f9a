"""Answers of one task each, stored together: who comes while a statement is under way shares the next one.

As chassis.joint_reads, and for the same reason: a round trip and a commit cost far more than a row does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeAlias

from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.caller import caller
from chassis.errors import ServiceError
from tasksvc.lease_store import Answer
from tasksvc.leasing import Told

Settle: TypeAlias = Callable[[Sequence[Answer], Collection[str]], Awaitable[Sequence[Told]]]
_Waiting: TypeAlias = list[tuple[Answer, "asyncio.Future[Task]"]]


class JointAnswers:
    """What `settle` stores, for callers that answer one each. Only answers of one user go together: events name it."""

    def __init__(self, settle: Settle) -> None:
        self._settle = settle
        self._waiting: dict[tuple[str, frozenset[str]], _Waiting] = {}
        self._settling: set[asyncio.Task[None]] = set()

    async def settle(self, answer: Answer, projects: frozenset[str]) -> Task:
        """The task after the answer. Raises why it was refused."""
        future: asyncio.Future[Task] = asyncio.get_running_loop().create_future()
        key = caller().user_id, projects
        if key in self._waiting:
            self._waiting[key].append((answer, future))
        else:
            self._waiting[key] = [(answer, future)]
            # None of the caller's: it may be cancelled while others wait for the same statement.
            settling = asyncio.create_task(self._settle_all(key))
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)
        return await future

    async def _settle_all(self, key: tuple[str, frozenset[str]]) -> None:
        _, projects = key
        try:
            while together := self._waiting[key]:
                self._waiting[key] = []
                await self._settle_together(together, projects)
        finally:
            del self._waiting[key]

    async def _settle_together(self, together: _Waiting, projects: frozenset[str]) -> None:
        try:
            told = await self._settle([answer for answer, _ in together], projects)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who answered
            if len(together) > 1 and not isinstance(error, ServiceError):
                # It may be one's own: the others must not suffer for it.
                for each in together:
                    await self._settle_together([each], projects)
                return
            for _, future in together:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), outcome in zip(together, told, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, ServiceError):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
