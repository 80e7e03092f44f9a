"""What one worker on a stream has, and what it said that isn't dealt with yet."""

import asyncio
from collections.abc import Collection
from typing import Final

from taskbell.queues.v1 import queues_pb2 as pb

from chassis.errors import InvalidField, ServiceError
from chassis.validation import validate
from tasksvc.answer_from_pb import answer_from_pb, lease_of
from tasksvc.lease_store import Answer
from tasksvc.queue_bell import QueueBell

MOST: Final = 1000
"""Tasks that a worker has at a time, and answers that are stored at a time."""


class Desk:
    """Notes what comes from all sides, and sets `news`; one loop deals with it."""

    def __init__(self, duration: float, bell: QueueBell) -> None:
        self.duration = duration
        """Of the leases, in seconds."""
        self._bell = bell
        self.news = asyncio.Event()
        self.heard = asyncio.get_running_loop().time()
        """When the worker gave its last sign of life."""
        self.look = True
        """Whether there may be tasks to start."""
        self.answers: list[Answer | pb.AnswerResult] = []
        """To be stored, or refused as they came, in the order in which they came."""
        self.reports: dict[str, pb.ReportProgressRequest] = {}
        """By lease: only the newest one counts."""
        self.doubts: set[str] = set()
        """Leases that somebody may have ended."""
        self.cancelled: list[str] = []
        """Leases that hold no more, which the worker doesn't know yet."""
        self.closed = False
        """The worker has said all it wanted to say."""
        self.draining = False
        """The worker takes no more tasks."""
        self._room = 0
        self._held: dict[str, str] = {}
        self._lease_of: dict[str, str] = {}

    @property
    def held(self) -> Collection[str]:
        """The leases that the worker has."""
        return self._held.keys()

    @property
    def room(self) -> int:
        """For how many tasks more there is room."""
        return 0 if self.draining or self.closed else min(self._room, MOST - len(self._held))

    # --- from the worker ---

    def hear(self, request: pb.WorkRequest) -> None:
        """A message that follows the rules. Raises InvalidField for one that makes no sense here."""
        match request.WhichOneof("message"):
            case "credit":
                self.give_room(request.credit.tasks)
            case "answers":
                for answer in request.answers.answers:
                    self._note(answer)
                self.give_room(request.answers.credit)
            case "progress":
                self.reports[request.progress.lease_id.lower()] = request.progress
            case "drain":
                self.draining = True
            case "pong":
                return
            case "hello":
                raise InvalidField.named("message", "hello", "was said: open another stream for other queues")
            case None:
                raise InvalidField.empty(request.DESCRIPTOR.oneofs_by_name["message"])
        self.news.set()

    def refuse(self, request: pb.WorkRequest | None, error: InvalidField) -> None:
        """A message that breaks a rule. Raises the error, unless it is about tasks: then it goes with the answers."""
        kind = request.WhichOneof("message") if request is not None else None
        if request is not None and kind == "progress":
            self.answers.append(result_of(request.progress.lease_id, error))
        elif request is not None and kind == "answers":
            wrong = {place: each for place, answer in enumerate(request.answers.answers) if (each := _wrong(answer))}
            if not wrong:
                raise error
            for place, answer in enumerate(request.answers.answers):
                if place in wrong:
                    self.answers.append(result_of(lease_of(answer), wrong[place]))
                else:
                    self._note(answer)
            self.give_room(min(max(request.answers.credit, 0), MOST))
        else:
            raise error
        self.news.set()

    def give_room(self, tasks: int) -> None:
        """Room for so many tasks more."""
        if tasks:
            self._room = min(self._room + tasks, MOST)
            self.look = True

    def _note(self, answer: pb.Answer) -> None:
        try:
            self.answers.append(answer_from_pb(answer))
        except InvalidField as error:
            self.answers.append(result_of(lease_of(answer), error))

    # --- from those who look after leases ---

    def stop(self, task_id: str) -> None:
        """Something happened to a task that the worker may have."""
        if lease_id := self._lease_of.get(task_id):
            self.doubts.add(lease_id)
            self.news.set()

    def lost(self, lease_ids: Collection[str]) -> None:
        """These leases hold no more: the worker is told, unless it has just answered."""
        self.cancelled += [lease_id for lease_id in lease_ids if self.let_go(lease_id)]
        self.news.set()

    # --- from the loop ---

    def clear(self) -> dict[str, str]:
        """The worker has none any more; the tasks of those it had, by lease."""
        left = dict(self._held)
        for lease_id in left:
            self.let_go(lease_id)
        return left

    def send(self, leases: Collection[pb.Lease]) -> None:
        """The worker gets these."""
        self._room -= len(leases)
        for lease in leases:
            self.take_up(lease.lease_id, lease.task.id)

    def take_up(self, lease_id: str, task_id: str) -> None:
        """The worker has this one."""
        self._held[lease_id] = task_id
        self._lease_of[task_id] = lease_id
        self._bell.hold(task_id, self)

    def let_go(self, lease_id: str) -> str | None:
        """The worker has it no more; its task, or None if the worker did not have it."""
        task_id = self._held.pop(lease_id, None)
        if task_id is not None and self._lease_of.get(task_id) == lease_id:
            del self._lease_of[task_id]
            self._bell.let_go(task_id, self)
        return task_id


def result_of(lease_id: str, error: ServiceError | None) -> pb.AnswerResult:
    """What the worker is told of its answer."""
    if error is None:
        return pb.AnswerResult(lease_id=lease_id)
    return pb.AnswerResult(lease_id=lease_id, reason=error.reason, error=error.message)


def _wrong(answer: pb.Answer) -> InvalidField | None:
    try:
        validate(answer)
    except InvalidField as error:
        return error
    return None
