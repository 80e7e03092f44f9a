"""A Work stream: the conversation with one worker, until one of both leaves.

What the worker says is noted as it comes, and dealt with by one loop in turns: reports, answers, new tasks. While a
turn's statement is under way more gathers for the next one, so a busy worker's answers are stored many at a time, and
an idle one's at once.

When it ends, the leases are given back, unless the server leaves or the worker's token has expired: then they last for
their time, and the worker comes back with them.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from typing import Final, TypeAlias

import grpc
import structlog
from taskbell.queues.v1 import queues_pb2 as pb
from uuid_utils.compat import uuid7

from chassis.errors import FieldViolation, InvalidField, ServiceError, TokenExpired, Unavailable
from chassis.finish import finish
from chassis.interceptors import Validated
from chassis.page_bytes import fitting
from chassis.race import race
from tasksvc.cut_offs import CutOffs
from tasksvc.desk import MOST, Desk, result_of
from tasksvc.heartbeats import Heartbeats
from tasksvc.lease_store import Answer, Failed, LeaseStore, Outcome, Released
from tasksvc.leasing import Leasing, Worker
from tasksvc.queue_bell import QueueBell, Waiter
from tasksvc.queue_to_pb import seconds_to_pb
from tasksvc.standing import Standing

Context: TypeAlias = grpc.aio.ServicerContext[pb.WorkRequest, pb.WorkResponse]

HELLO: Final = 10.0
"""Seconds that a worker has to say who it is."""
_LEAST_PATIENCE: Final = 10.0
_MOST_PATIENCE: Final = 60.0
_PINGS: Final = 4
"""So often a silent worker is asked before it is taken for dead."""
_FAREWELL: Final = 3.0
"""Seconds that a worker has to leave when the server does."""
_RECONNECT_AFTER: Final = (0.05, 0.5)
_REPORTS_AT_ONCE: Final = 4
_log = structlog.get_logger("tasksvc.work")


class _Gone(Exception):
    """The worker has left while it was told something."""


async def read_hello(requests: AsyncIterator[pb.WorkRequest]) -> pb.WorkHello:
    """What the worker says first. Raises InvalidField if that is something else, or nothing."""
    try:
        async with asyncio.timeout(HELLO):
            first = await anext(requests)
    except (TimeoutError, StopAsyncIteration):
        raise InvalidField.listing([FieldViolation("hello", f"must come first, within {HELLO:.0f} seconds")]) from None
    if not first.HasField("hello"):
        raise InvalidField.named("message", first.WhichOneof("message"), "must be hello: say who you are first")
    return first.hello


class WorkStream:
    """One stream with one worker."""

    def __init__(
        self,
        worker: Worker,
        duration: float,
        *,
        leasing: Leasing,
        leases: LeaseStore,
        bell: QueueBell,
        heartbeats: Heartbeats,
        cut_offs: CutOffs,
        context: Context,
    ) -> None:
        self._id = str(uuid7())
        self._worker = worker
        self._project_id = worker.queues[0].project_id
        self._leasing = leasing
        self._leases = leases
        self._bell = bell
        self._heartbeats = heartbeats
        self._cut_offs = cut_offs
        self._context = context
        self._turn = asyncio.Lock()
        self._desk = Desk(duration, bell)
        # As long as the leases would last without the stream, within reason: a worker may have its hands full.
        self._patience = min(max(duration, _LEAST_PATIENCE), _MOST_PATIENCE)
        self._cut = False
        self._handed_over = False

    async def hold(
        self,
        hello: pb.WorkHello,
        requests: AsyncIterator[pb.WorkRequest],
        standing: Standing,
        leaving: asyncio.Event,
    ) -> None:
        """Talks until the worker goes, has to go, or the server leaves."""
        self._heartbeats.begin(self._desk)
        try:
            # Ahead of the welcome: then the worker may cut off the stream before.
            await self._adopt(hello.holding)
            await self._tell(pb.WorkResponse(welcome=pb.WorkWelcome(patience=seconds_to_pb(self._patience))))
            self._desk.give_room(hello.credit)
            await race(
                self._listen(requests),
                self._serve(),
                self._ping(),
                self._miss(),
                standing.watch(),
                self._leave(leaving),
            )
        except _Gone:
            self._cut = True
        except TokenExpired:
            self._handed_over = True
            raise
        except asyncio.CancelledError:
            self._cut = True
            raise
        finally:
            await finish(self._end())

    async def _adopt(self, holding: Collection[str]) -> None:
        """Goes on with the leases of a stream before."""
        if holding:
            lease_ids = list(dict.fromkeys(lease_id.lower() for lease_id in holding))
            found = await self._leasing.adopt(self._id, lease_ids, self._project_id, self._desk.duration)
            for lease_id, task_id in found.items():
                self._desk.take_up(lease_id, task_id)
            self._desk.cancelled = [lease_id for lease_id in lease_ids if lease_id not in found]
            self._desk.news.set()

    async def _listen(self, requests: AsyncIterator[pb.WorkRequest]) -> None:
        desk = self._desk
        while True:
            try:
                desk.hear(await anext(requests))
            except StopAsyncIteration:
                # A call that is cancelled looks like this, too; a worker that ends in order has nothing left.
                self._cut = True
                break
            except InvalidField as error:
                latest = requests.latest if isinstance(requests, Validated) else None
                desk.refuse(latest if isinstance(latest, pb.WorkRequest) else None, error)
            desk.heard = asyncio.get_running_loop().time()
            self._leasing.saw(self._worker)
        desk.closed = True
        desk.news.set()
        await asyncio.Event().wait()  # what was said last is still to be dealt with

    # --- the loop ---

    async def _serve(self) -> None:
        desk = self._desk
        with self._bell.wait_for(self._worker.queues) as waiter:
            while True:
                if not desk.news.is_set() and not (desk.look and desk.room):
                    if desk.closed:
                        return
                    await self._rest(waiter)
                desk.news.clear()
                # Those that come from now on wait for the next turn: reports that came ahead of them go ahead of them.
                answers = min(len(desk.answers), MOST)
                await self._verify()
                await self._store_reports()
                await self._store_answers(answers)
                if desk.look and desk.room:
                    await self._lease(waiter)

    async def _rest(self, waiter: Waiter) -> None:
        if self._desk.room:
            await race(self._desk.news.wait(), self._called(waiter))
        else:
            await self._desk.news.wait()

    async def _called(self, waiter: Waiter) -> None:
        await waiter.called()
        self._desk.look = True

    async def _verify(self) -> None:
        """Looks whether leases hold that somebody may have ended, and tells of those that don't."""
        desk = self._desk
        doubts, desk.doubts = desk.doubts & set(desk.held), set()
        if doubts:
            try:
                still = await self._leases.hold(doubts, desk.duration)
            except ServiceError as error:
                _log.warning("leases not looked at until the next heartbeat", error=repr(error))
            else:
                desk.lost(doubts - still)
        if desk.cancelled:
            cancelled, desk.cancelled = desk.cancelled, []
            await self._tell(pb.WorkResponse(cancelled=pb.Cancelled(lease_ids=cancelled)))

    async def _store_reports(self) -> None:
        desk = self._desk
        reports, desk.reports = desk.reports, {}
        refused: list[pb.AnswerResult] = []
        gate = asyncio.Semaphore(_REPORTS_AT_ONCE)

        async def store(report: pb.ReportProgressRequest) -> None:
            async with gate:
                try:
                    await self._leasing.progress(report, [self._project_id])
                except ServiceError as error:
                    refused.append(result_of(report.lease_id, error))

        async with asyncio.TaskGroup() as group:
            for report in reports.values():
                group.create_task(store(report))
        await self._tell_results(refused)

    async def _store_answers(self, count: int) -> None:
        desk = self._desk
        given, desk.answers = desk.answers[:count], desk.answers[count:]
        if desk.answers:
            desk.news.set()
        answers = [each for each in given if isinstance(each, Answer)]
        # Ahead of the statement: nobody who finds the lease ended shall tell the worker to stop.
        held = {each.lease_id: task_id for each in answers if (task_id := desk.let_go(each.lease_id))}
        told: dict[int, pb.AnswerResult] = {}
        if answers:
            try:
                outcomes = await self._leasing.settle(answers, [self._project_id])
            except ServiceError as error:
                outcomes = [error] * len(answers)
                for lease_id, task_id in held.items():
                    desk.take_up(lease_id, task_id)
            for answer, outcome in zip(answers, outcomes, strict=True):
                refusal = outcome if isinstance(outcome, ServiceError) else None
                told[id(answer)] = result_of(answer.lease_id, refusal)
        await self._tell_results([told[id(each)] if isinstance(each, Answer) else each for each in given])

    async def _lease(self, waiter: Waiter) -> None:
        desk = self._desk
        room = desk.room
        leases = await self._leasing.look(self._worker, room, waiter)
        desk.send(leases)
        desk.look = len(leases) == room
        while leases:
            told = fitting(leases)
            leases = leases[len(told) :]
            await self._tell(pb.WorkResponse(leases=pb.Leases(leases=told)))

    # --- staying in touch, and leaving ---

    async def _ping(self) -> None:
        pause = self._patience / _PINGS
        while True:
            await asyncio.sleep(pause)
            if asyncio.get_running_loop().time() - self._desk.heard >= pause:
                await self._tell(pb.WorkResponse(ping=pb.WorkPing()))

    async def _miss(self) -> None:
        """Ends the stream of a worker that says nothing. Not with the pings, which one that doesn't read holds up."""
        loop = asyncio.get_running_loop()
        silent = 0.0
        while silent < self._patience:
            await asyncio.sleep(self._patience - silent)
            silent = loop.time() - self._desk.heard
        self._cut = True
        raise Unavailable(f"Nothing was heard from the worker for {self._patience:g} seconds: connect again.")

    async def _leave(self, leaving: asyncio.Event) -> None:
        await leaving.wait()
        self._handed_over = True
        self._desk.draining = True
        after = seconds_to_pb(random.uniform(*_RECONNECT_AFTER))  # noqa: S311 - spreads those who come back
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._tell(pb.WorkResponse(going_away=pb.WorkGoingAway(reconnect_after=after)))
                await asyncio.Event().wait()

    async def _end(self) -> None:
        """Stores what was answered, and what becomes of the rest. Should that fail, the leases run out."""
        desk = self._desk
        self._heartbeats.end(desk)
        answers = [each for each in desk.answers if isinstance(each, Answer)]
        for answer in answers:
            desk.let_go(answer.lease_id)
        left = desk.clear()
        try:
            if left and self._handed_over:
                await self._leases.hold(list(left), desk.duration)
            elif left:
                ended = await self._leasing.end_stream(self._id, list(left))
                answers += [Answer(lease_id, self._left(left[lease_id])) for lease_id in ended]
            if answers:
                await self._leasing.settle(answers, [self._project_id])
        except ServiceError as error:
            _log.warning("leases are left to run out", count=len(left), error=str(error))

    def _left(self, task_id: str) -> Outcome:
        """What becomes of a task that the worker had when the stream ended."""
        if self._cut and self._cut_offs.count(task_id):
            return Failed(f"The worker {self._worker.name} went away, as others did.", retry_after=0)
        return Released()

    async def _tell_results(self, results: Collection[pb.AnswerResult]) -> None:
        if results:
            await self._tell(pb.WorkResponse(answered=pb.Answered(results=results)))

    async def _tell(self, response: pb.WorkResponse) -> None:
        async with self._turn:
            try:
                await self._context.write(response)
            except (grpc.aio.BaseError, asyncio.InvalidStateError) as error:
                raise _Gone from error
