"""Worker processes on Work streams, that do nothing: prints the seconds from the first task to the last answer."""

import asyncio
import sys
import time

import grpc.aio
from taskbell.queues.v1 import queues_pb2 as pb
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub
from taskbell.tasks.v1 import tasks_pb2 as tasks
from taskbell.tasks.v1.tasks_pb2_grpc import TaskServiceStub

QUEUE = "bench"
FEW = 500


async def fill(channel: grpc.aio.Channel, metadata: grpc.aio.Metadata, project: str, count: int) -> None:
    """So many tasks."""
    request = tasks.CreateTaskRequest(task=tasks.Task(title="job", project_id=project, queue=QUEUE))
    for _ in range(count // FEW):
        await TaskServiceStub(channel).BatchCreateTasks(
            tasks.BatchCreateTasksRequest(requests=[request] * FEW), metadata=metadata
        )


async def work(
    channel: grpc.aio.Channel, metadata: grpc.aio.Metadata, project: str, batch: int, left: list[int]
) -> None:
    """Answers what it gets, until nothing is left for anybody."""
    stream = QueueServiceStub(channel).Work(metadata=metadata)
    hello = pb.WorkHello(queues=[QUEUE], project_id=project, worker="bench", credit=batch)
    await stream.write(pb.WorkRequest(hello=hello))
    async for message in stream:
        if leases := message.leases.leases:
            answers = [pb.Answer(complete=pb.CompleteLeaseRequest(lease_id=lease.lease_id)) for lease in leases]
            await stream.write(pb.WorkRequest(answers=pb.Answers(answers=answers, credit=len(answers))))
        if message.HasField("answered"):
            left[0] -= sum(not result.reason for result in message.answered.results)
        if message.HasField("ping"):
            await stream.write(pb.WorkRequest(pong=pb.WorkPong()))
        if left[0] <= 0:
            break
    stream.cancel()


async def main(address: str, token: str, project: str, *figures: int) -> None:
    """Fills the queue and drains it: by how many at a time, how many tasks, with how many workers."""
    batch, count, workers = figures
    metadata = grpc.aio.Metadata(("authorization", f"Bearer {token}"))
    async with grpc.aio.insecure_channel(address) as channel:
        await fill(channel, metadata, project, count)
        left = [count]
        started = time.perf_counter()
        working = [asyncio.create_task(work(channel, metadata, project, batch, left)) for _ in range(workers)]
        await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        print(time.perf_counter() - started)
        for each in working:
            each.cancel()
        await asyncio.wait(working)


if __name__ == "__main__":
    where, who, which, *numbers = sys.argv[1:]
    asyncio.run(main(where, who, which, *map(int, numbers)))
