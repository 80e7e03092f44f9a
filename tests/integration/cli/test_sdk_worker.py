"""The SDK's worker against a server that hangs up, leaves, forgets and refuses."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.errors import ScopeMissing, Unavailable
from cli.client import Client
from cli.work import AttemptFailed, GiveUp, Job, JobCancelled, RetryLater, Snooze, Worker
from cli.work.happenings import Happening, Lost, Refused
from tests.integration.cli.peer import Conversation, Peer

A, B, C = (f"0190a0b0-0000-7000-8000-0000000000{end}" for end in ("0a", "0b", "0c"))


class Talk:
    """One Work stream, from the server's side: greets, hands out leases, confirms answers."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self.says = conversation.says
        self.fails = conversation.fails
        self.hears = conversation.hears

    async def greets(self) -> pb.WorkHello:
        hello: pb.WorkHello = await self.hears("hello")
        await self.says(welcome=pb.WorkWelcome())
        return hello

    async def gives(self, *lease_ids: str, payload: dict[str, Any] | None = None) -> None:
        await self.says(leases=pb.Leases(leases=[lease(each, payload or {}) for each in lease_ids]))

    async def is_answered(self) -> pb.Answers:
        answers: pb.Answers = await self.hears("answers")
        await self.confirms(answers)
        return answers

    async def confirms(self, answers: pb.Answers, reason: str = "", error: str = "") -> None:
        results = [
            pb.AnswerResult(
                lease_id=getattr(each, each.WhichOneof("outcome") or "").lease_id, reason=reason, error=error
            )
            for each in answers.answers
        ]
        await self.says(answered=pb.Answered(results=results))

    async def is_hung_up_on(self) -> None:
        """Waits until the worker has said all."""
        with pytest.raises(AssertionError, match="hung up"):
            await self.hears("nothing more")


def lease(lease_id: str, payload: dict[str, Any]) -> pb.Lease:
    task = Task(id=lease_id, title="a job", queue="q", max_attempts=5)
    json_format.ParseDict(payload, task.payload)
    return pb.Lease(lease_id=lease_id, attempt=1, task=task)


class Play:
    """A worker, and the streams that the server holds with it, one after the other."""

    def __init__(self, peer: Peer, client: Client) -> None:
        self._peer = peer
        self.told: list[Happening] = []
        self.client = client

    def worker(self, handler: Any, **settings: Any) -> Worker:
        worker = Worker(self.client, listener=self.told.append, **{"concurrency": 4, "name": "w1", **settings})
        worker.handler("q")(handler)
        return worker

    async def run(self, worker: Worker, *streams: Callable[[Talk], Awaitable[None]]) -> None:
        """Returns once the worker has ended and every stream was played to its end."""
        over: list[asyncio.Future[None]] = []

        def scripted(stream: Callable[[Talk], Awaitable[None]]) -> Callable[[Conversation], Any]:
            done = asyncio.get_running_loop().create_future()
            over.append(done)

            async def talk(conversation: Conversation) -> None:
                try:
                    await stream(Talk(conversation))
                except (grpc.aio.AbortError, asyncio.CancelledError):  # as the play has it
                    done.set_result(None)
                    raise
                except Exception as error:
                    done.set_exception(error)
                    raise
                done.set_result(None)

            return talk

        self._peer.script += [scripted(each) for each in streams]
        working = asyncio.create_task(worker.work())
        try:
            async with asyncio.timeout(60):
                await asyncio.gather(working, *over)
        finally:
            working.cancel()
            await asyncio.wait([working])


@pytest.fixture
def play(peer: Peer, client: Client) -> Play:
    return Play(peer, client)


async def nothing(_job: Job) -> None:
    """A handler."""


async def test_a_result_is_answered_with_room_for_another_task(play: Play) -> None:
    async def double(job: Job) -> dict[str, Any]:
        return {"twice": job.payload["n"] * 2, "attempt": job.attempt, "of": job.max_attempts, "nothing": None}

    worker = play.worker(double)

    async def stream(talk: Talk) -> None:
        hello = await talk.greets()
        assert ([*hello.queues], hello.worker, hello.credit, [*hello.holding]) == (["q"], "w1", 4, [])
        await talk.gives(A, payload={"n": 21})
        answers = await talk.is_answered()
        assert answers.credit == 1
        complete = answers.answers[0].complete
        assert complete.lease_id == A
        assert json_format.MessageToDict(complete.result) == {"twice": 42, "attempt": 1, "of": 5, "nothing": None}
        worker.stop()
        await talk.hears("drain")
        await talk.is_hung_up_on()

    await play.run(worker, stream)


@pytest.mark.parametrize("in_a_thread", [False, True], ids=["async", "thread"])
async def test_each_way_to_end_is_told_as_it_is(play: Play, *, in_a_thread: bool) -> None:
    ends: dict[str, Any] = {
        "nothing": None,
        "broken": ValueError("no such file"),
        "failed": AttemptFailed("the disk is full"),
        "later": RetryLater(7.5, "too many requests"),
        "hopeless": GiveUp("no picture"),
        "snoozed": Snooze(60),
        "no dict": [1],
        "no JSON": {"when": object()},
        "too large": {"text": "x" * 300_000},
        "no number": {"n": float("nan")},
        "too large a number": {"n": 10**400},
    }

    def end(job: Job) -> Any:
        if isinstance(how := ends[job.payload["how"]], Exception):
            raise how
        return how

    async def end_async(job: Job) -> Any:
        return end(job)

    worker = play.worker(end if in_a_thread else end_async)
    answered: dict[str, pb.Answer] = {}

    async def stream(talk: Talk) -> None:
        await talk.greets()
        for how in ends:
            await talk.gives(A, payload={"how": how})
            answered[how] = (await talk.is_answered()).answers[0]
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)
    assert answered["nothing"].complete.HasField("result") is False
    broken = answered["broken"].fail
    assert (broken.error.splitlines()[0], broken.retryable) == ("ValueError: no such file", True)
    assert "test_sdk_worker.py" in broken.error
    assert not broken.HasField("retry_after")
    assert (answered["failed"].fail.error, answered["failed"].fail.retryable) == ("the disk is full", True)
    assert answered["later"].fail.error == "too many requests"
    assert answered["later"].fail.retry_after == Duration(seconds=7, nanos=500_000_000)
    assert (answered["hopeless"].fail.error, answered["hopeless"].fail.retryable) == ("no picture", False)
    assert answered["snoozed"].release.retry_after == Duration(seconds=60)
    assert "a handler returns a dict or None, not list" in answered["no dict"].fail.error
    assert "object is not JSON serializable" in answered["no JSON"].fail.error
    assert "300,011 bytes of JSON: at most 262,144" in answered["too large"].fail.error
    assert "result can't be kept" in answered["too large a number"].fail.error
    assert "result can't be kept: Out of range float values" in answered["no number"].fail.error


async def test_no_more_run_at_a_time_than_there_was_credit_for(play: Play) -> None:
    go = asyncio.Event()

    async def wait(_job: Job) -> None:
        await go.wait()

    worker = play.worker(wait, concurrency=3)

    async def stream(talk: Talk) -> None:
        assert (await talk.greets()).credit == 3
        await talk.gives(A, B, C)
        await talk.says(ping=pb.WorkPing())
        await talk.hears("pong")
        go.set()
        credit = answered = 0
        while answered < 3:
            answers = await talk.is_answered()
            credit, answered = credit + answers.credit, answered + len(answers.answers)
        assert credit == 3
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)


async def test_progress_that_comes_too_fast_is_thinned_out_but_for_the_last(play: Play) -> None:
    async def count(job: Job) -> None:
        for percent in range(101):
            job.progress(percent, f"step {percent}")

    worker = play.worker(count)
    reports: list[tuple[int, str]] = []

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        answered = False
        while not answered:
            request = await anext(talk._conversation.requests)
            if request.WhichOneof("message") == "progress":
                reports.append((request.progress.percent, request.progress.message))
            elif request.WhichOneof("message") == "answers":
                await talk.confirms(request.answers)
                answered = True
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)
    assert len(reports) < 10
    assert reports[-1] == (100, "step 100")


async def test_a_cancelled_job_is_stopped_and_not_answered(play: Play) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def wait(job: Job) -> None:
        if job.lease_id == B:
            return
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            assert job.cancelled
            stopped.set()

    worker = play.worker(wait)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await begun.wait()
        await talk.says(cancelled=pb.Cancelled(lease_ids=[A]))
        await stopped.wait()
        assert (await talk.hears("credit")).tasks == 1
        await talk.gives(B)
        answers = await talk.is_answered()
        assert [each.complete.lease_id for each in answers.answers] == [B]
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)


async def test_a_job_cancelled_as_soon_as_it_is_given_leaves_its_place_free(play: Play) -> None:
    async def wait(_job: Job) -> None:
        await asyncio.Event().wait()

    worker = play.worker(wait, concurrency=1)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        for _ in range(20):
            await talk.gives(A)
            await talk.says(cancelled=pb.Cancelled(lease_ids=[A]))
            assert (await talk.hears("credit")).tasks == 1
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)


async def test_a_thread_hears_of_the_end_at_its_next_progress(play: Play) -> None:
    begun, told = threading.Event(), threading.Event()

    def wait(job: Job) -> None:
        begun.set()
        while True:
            try:
                job.progress(1)
            except JobCancelled:
                told.set()
                raise
            time.sleep(0.01)

    worker = play.worker(wait)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await asyncio.to_thread(begun.wait)
        await talk.says(cancelled=pb.Cancelled(lease_ids=[A]))
        await talk.hears("credit")
        assert told.is_set()
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)


async def test_what_runs_goes_on_over_a_lost_connection_and_is_named_to_the_next_replica(play: Play) -> None:
    go = asyncio.Event()

    async def wait(job: Job) -> None:
        if job.lease_id == A:
            await go.wait()

    worker = play.worker(wait)

    async def first(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A, B)
        await talk.hears("answers")  # of B, and confirms nothing
        await talk.fails(Unavailable("restarting"))

    async def second(talk: Talk) -> None:
        hello = await talk.greets()
        assert ([*hello.holding], hello.credit) == ([A, B], 3)
        again = await talk.is_answered()
        assert [each.complete.lease_id for each in again.answers] == [B]
        go.set()
        answers = await talk.is_answered()
        assert [each.complete.lease_id for each in answers.answers] == [A]
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, first, second)
    assert [each.reason for each in play.told if isinstance(each, Lost)] == ["restarting"]


async def test_an_answer_stored_before_the_connection_broke_is_not_told_as_refused(play: Play) -> None:
    worker = play.worker(nothing)

    async def first(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await talk.hears("answers")
        await talk.fails(Unavailable("restarting"))

    async def second(talk: Talk) -> None:
        await talk.greets()
        await talk.confirms(await talk.hears("answers"), "LEASE_LOST", "that lease is over")
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, first, second)
    assert not [each for each in play.told if isinstance(each, Refused)]


async def test_a_leaving_server_is_left_for_another_one(play: Play) -> None:
    worker = play.worker(nothing)

    async def first(talk: Talk) -> None:
        await talk.greets()
        await talk.says(going_away=pb.WorkGoingAway(reconnect_after=Duration(nanos=1_000_000)))
        await asyncio.Event().wait()

    async def second(talk: Talk) -> None:
        await talk.greets()
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, first, second)


async def test_told_to_stop_it_finishes_what_runs_and_takes_no_more(play: Play) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def wait(_job: Job) -> dict[str, Any]:
        begun.set()
        await go.wait()
        return {"done": True}

    worker = play.worker(wait)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await begun.wait()
        worker.stop()
        await talk.hears("drain")
        await talk.gives(B)  # was under way
        late = await talk.is_answered()
        assert [each.release.lease_id for each in late.answers] == [B]
        go.set()
        last = await talk.is_answered()
        assert (last.answers[0].complete.lease_id, last.credit) == (A, 0)
        await talk.is_hung_up_on()

    await play.run(worker, stream)


@pytest.mark.parametrize("in_a_thread", [False, True], ids=["async", "thread"])
async def test_told_twice_to_stop_it_gives_back_what_runs(play: Play, *, in_a_thread: bool) -> None:
    begun, never = threading.Event(), threading.Event()

    async def wait_async(_job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    def wait(_job: Job) -> None:
        begun.set()
        never.wait()

    worker = play.worker(wait if in_a_thread else wait_async)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await asyncio.to_thread(begun.wait)
        worker.stop()
        await talk.hears("drain")
        worker.stop()
        answers = await talk.is_answered()
        assert [each.WhichOneof("outcome") for each in answers.answers] == ["release"]
        await talk.is_hung_up_on()

    await play.run(worker, stream)
    never.set()


async def test_what_is_not_finished_in_its_grace_is_given_back(play: Play) -> None:
    begun = asyncio.Event()

    async def wait(_job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker = play.worker(wait, grace=0.05)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await begun.wait()
        worker.stop()
        answers = await talk.is_answered()
        assert answers.answers[0].release.lease_id == A
        await talk.is_hung_up_on()

    await play.run(worker, stream)


async def test_a_result_that_the_server_refuses_is_a_failed_attempt(play: Play) -> None:
    async def answer(_job: Job) -> dict[str, Any]:
        return {"text": "what the server doesn't like"}

    worker = play.worker(answer)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await talk.confirms(await talk.hears("answers"), "INVALID_FIELD", "result: it isn't liked")
        answers = await talk.is_answered()
        assert answers.answers[0].fail.error == "The result was refused: result: it isn't liked"
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)


async def test_an_answer_that_could_not_be_stored_just_now_is_said_again(play: Play) -> None:
    worker = play.worker(nothing)

    async def stream(talk: Talk) -> None:
        await talk.greets()
        await talk.gives(A)
        await talk.confirms(await talk.hears("answers"), "UNAVAILABLE", "the database is restarting")
        assert (await talk.is_answered()).answers[0].complete.lease_id == A
        worker.stop()
        await talk.is_hung_up_on()

    await play.run(worker, stream)


async def test_what_waiting_cannot_cure_ends_the_worker(play: Play) -> None:
    async def stream(talk: Talk) -> None:
        await talk.hears("hello")
        await talk.fails(ScopeMissing("the token lacks queues:work"))

    with pytest.raises(ScopeMissing, match="queues:work"):
        await play.run(play.worker(nothing), stream)


async def test_a_worker_that_starts_before_its_server_waits_for_it(play: Play) -> None:
    async def not_yet(talk: Talk) -> None:
        await talk.hears("hello")
        await talk.fails(Unavailable("still starting"))

    async def stream(talk: Talk) -> None:
        await talk.greets()
        worker.stop()
        await talk.is_hung_up_on()

    worker = play.worker(nothing)
    await play.run(worker, not_yet, not_yet, stream)
    assert [each.reason for each in play.told if isinstance(each, Lost)] == ["still starting"] * 2
