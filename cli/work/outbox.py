"""What a worker has to say. It outlives the streams that it is said on: what one lost, the next one says again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from cli.sdk import queues
from cli.work.outcome import Completed, Outcome, answer

PROGRESS_INTERVAL: Final = 0.5
"""Seconds between two reports on a job: people look at them, and each is a change of the task."""
_MOST_ANSWERS: Final = 1000
_MOST_BYTES: Final = 2 * 1024 * 1024
"""Of results in a message, which may take 4 MiB."""


@dataclass(slots=True)
class _Reports:
    """What a job says of its progress."""

    waiting: tuple[int, str] | None = None
    due: float = 0.0


class Outbox:
    """One stream at a time takes from it."""

    def __init__(self) -> None:
        self._answers: dict[str, Outcome] = {}
        self._sent: dict[str, Outcome] = {}
        self._repeated: set[str] = set()
        self._reports: dict[str, _Reports] = {}
        self._credit = 0
        self._pong = False
        self._draining = self._said_drain = False
        self.closed = asyncio.Event()
        """Nothing will be said any more."""
        self._news = asyncio.Event()
        self._stream: object = None

    @property
    def unanswered(self) -> list[str]:
        """The leases whose answers the server hasn't confirmed."""
        return [*self._sent, *self._answers]

    def answer(self, lease_id: str, outcome: Outcome) -> None:
        """Says how an attempt has ended."""
        self._sent.pop(lease_id, None)
        self._answers[lease_id] = outcome
        self._news.set()

    def give_credit(self) -> None:
        """There is room for one more task."""
        self._credit += 0 if self._draining else 1
        self._news.set()

    def report(self, lease_id: str, percent: int, message: str) -> None:
        """Says how far a job is; what comes too fast is passed over, but for the last."""
        self._reports.setdefault(lease_id, _Reports()).waiting = (percent, message)
        self._news.set()

    def pong(self) -> None:
        """Answers a ping."""
        self._pong = True
        self._news.set()

    def drain(self) -> None:
        """Asks for no more tasks."""
        self._draining = True
        self._credit = 0
        self._news.set()

    def close(self) -> None:
        """Has nothing more to say: the stream may end."""
        self.closed.set()
        self._news.set()

    def sent(self, lease_id: str) -> Outcome | None:
        """The answer that was given to this lease, unless it is still to be said."""
        return self._sent.get(lease_id)

    def was_repeated(self, lease_id: str) -> bool:
        """Whether the answer was said on more than one stream, so that the first may have been stored."""
        return lease_id in self._repeated

    def say_again(self, lease_id: str) -> None:
        """The answer was not stored for a reason that passes."""
        if outcome := self._sent.get(lease_id):
            self.answer(lease_id, outcome)

    def forget(self, lease_id: str) -> None:
        """Nothing more is said of the lease."""
        self._answers.pop(lease_id, None)
        self._sent.pop(lease_id, None)
        self._reports.pop(lease_id, None)
        self._repeated.discard(lease_id)

    async def messages(self, hello: Callable[[], queues.WorkHello]) -> AsyncIterator[queues.WorkRequest]:
        """All that is said on a new stream. The one before gets nothing from now on."""
        stream = self._stream = object()
        self._repeated |= self._sent.keys()
        self._answers = {**self._sent, **self._answers}
        self._sent = {}
        self._credit = 0  # the hello has it all
        self._pong = self._said_drain = False
        yield queues.WorkRequest(hello=hello())
        while True:
            message = self._next()
            if message is not None:
                yield message
            elif self.closed.is_set():
                return
            else:
                await self._wait()
            if self._stream is not stream:
                return

    def hang_up(self) -> None:
        """The stream is over, and takes nothing any more."""
        self._stream = None
        self._news.set()

    async def _wait(self) -> None:
        due = [each.due for each in self._reports.values() if each.waiting]
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(due) - time.monotonic(), 0.0) if due else None):
                await self._news.wait()
        # Jobs that end together are answered together.
        await asyncio.sleep(0)

    def _next(self) -> queues.WorkRequest | None:
        if self._pong:
            self._pong = False
            return queues.WorkRequest(pong=queues.WorkPong())
        if self._draining and not self._said_drain:
            self._said_drain = True
            return queues.WorkRequest(drain=queues.Drain())
        if report := self._due_report():
            return queues.WorkRequest(progress=report)
        if self._answers:
            return queues.WorkRequest(answers=self._answers_that_fit())
        if self._credit:
            credit, self._credit = self._credit, 0
            return queues.WorkRequest(credit=queues.Credit(tasks=credit))
        return None

    def _due_report(self) -> queues.ReportProgressRequest | None:
        now = time.monotonic()
        for lease_id, reports in self._reports.items():
            # The last one is not held back from a job that has ended.
            if reports.waiting and (reports.due <= now or lease_id in self._answers):
                (percent, message), reports.waiting = reports.waiting, None
                reports.due = now + PROGRESS_INTERVAL
                return queues.ReportProgressRequest(lease_id=lease_id, percent=percent, message=message)
        return None

    def _answers_that_fit(self) -> queues.Answers:
        answers: list[queues.Answer] = []
        size = 0
        while self._answers and len(answers) < _MOST_ANSWERS:
            lease_id, outcome = next(iter(self._answers.items()))
            size += outcome.size if isinstance(outcome, Completed) else 0
            if answers and size > _MOST_BYTES:
                break
            del self._answers[lease_id]
            self._reports.pop(lease_id, None)
            self._sent[lease_id] = outcome
            answers.append(answer(lease_id, outcome))
        credit, self._credit = self._credit, 0
        return queues.Answers(answers=answers, credit=min(credit, _MOST_ANSWERS))
