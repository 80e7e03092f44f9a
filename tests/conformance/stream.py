"""A worker on a Work stream, as any gRPC client could be one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc.aio
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub

from tests.conformance.board import QUEUE, Board

PATIENCE = 60.0


@dataclass(slots=True)
class Stream:
    """What was said on it so far can be awaited."""

    call: Any
    _heard: list[pb.WorkResponse] = field(default_factory=list)

    async def say(self, **message: Any) -> None:
        await self.call.write(pb.WorkRequest(**message))

    async def answer(self, *answers: pb.Answer, credit: int = 0) -> list[pb.AnswerResult]:
        """Says what became of tasks; what the server made of it."""
        await self.say(answers=pb.Answers(answers=answers, credit=credit))
        wanted = {_lease_of(each) for each in answers}
        results: dict[str, pb.AnswerResult] = {}

        def all_there(message: pb.WorkResponse) -> bool:
            results.update({each.lease_id: each for each in message.answered.results if each.lease_id in wanted})
            return len(results) == len(wanted)

        await self.hear(all_there)
        return [results[_lease_of(each)] for each in answers]

    async def leases(self, count: int) -> list[pb.Lease]:
        """The next leases, this many."""
        found: list[pb.Lease] = []

        def enough(message: pb.WorkResponse) -> bool:
            found.extend(message.leases.leases)
            return len(found) >= count

        await self.hear(enough)
        assert len(found) == count
        return found

    async def cancelled(self) -> list[str]:
        """The next leases that hold no more."""
        message = await self.hear(lambda message: message.HasField("cancelled"))
        return list(message.cancelled.lease_ids)

    async def hear(self, wanted: Callable[[pb.WorkResponse], bool]) -> pb.WorkResponse:
        """The next message that fits; pings are answered, and what doesn't fit is kept for others."""
        async with asyncio.timeout(PATIENCE):
            for earlier in list(self._heard):
                if wanted(earlier):
                    self._heard.remove(earlier)
                    return earlier
            while True:
                message: Any = await self.call.read()
                if message is grpc.aio.EOF:
                    raise EOFError
                if message.HasField("ping"):
                    await self.say(pong=pb.WorkPong())
                elif wanted(said := cast("pb.WorkResponse", message)):
                    return said
                else:
                    self._heard.append(message)


def complete(lease: pb.Lease, **result: Any) -> pb.Answer:
    answer = pb.Answer(complete=pb.CompleteLeaseRequest(lease_id=lease.lease_id))
    answer.complete.result.update(result)
    return answer


def fail(lease: pb.Lease, error: str = "boom") -> pb.Answer:
    return pb.Answer(fail=pb.FailLeaseRequest(lease_id=lease.lease_id, error=error))


def release(lease: pb.Lease) -> pb.Answer:
    return pb.Answer(release=pb.ReleaseLeaseRequest(lease_id=lease.lease_id))


def _lease_of(answer: pb.Answer) -> str:
    outcome = answer.WhichOneof("outcome")
    assert outcome is not None
    return str(getattr(answer, outcome).lease_id)


@asynccontextmanager
async def work(board: Board, *, replica: int = 0, **hello: Any) -> AsyncIterator[Stream]:
    """A stream to one of the replicas, welcomed. Leaving cuts it off, as a worker does that dies."""
    call = QueueServiceStub(board.wires[replica % len(board.wires)]).Work()
    stream = Stream(call)
    try:
        greeting = {"queues": [QUEUE], "project_id": board.project_id, **hello}
        await stream.say(hello=pb.WorkHello(**greeting))
        await stream.hear(lambda message: message.HasField("welcome"))
        yield stream
    finally:
        call.cancel()
