"""From commit to a client's stream, at a steady rate of changes."""

import asyncio
import time
from statistics import quantiles

import grpc.aio
from taskbell.notifications.v1.notifications_pb2 import ConnectRequest, Subscribe
from taskbell.notifications.v1.notifications_pb2_grpc import NotificationServiceStub
from taskbell.tasks.v1.tasks_pb2 import Task, UpdateTaskRequest

from bench.report import Row
from bench.stage import Stage

RATE = 500  # changes a second
SECONDS = 6
MOST_P99 = 50.0  # ms, the aim


async def commit_to_stream(stage: Stage) -> list[Row]:
    """Updates at a fixed rate, each timed from its commit (the event's time) to its arrival on a gRPC stream."""
    made = [await stage.create(Task(title=f"task {n}")) for n in range(50)]
    total = RATE * SECONDS
    delays: list[float] = []
    async with grpc.aio.insecure_channel(stage.stack.notify_address) as channel:
        stream = NotificationServiceStub(channel).Connect(metadata=stage.metadata)
        await stream.write(ConnectRequest(subscribe=Subscribe(id="bench", project=stage.project_id)))
        answers = aiter(stream)
        while not (await anext(answers)).HasField("subscribed"):
            pass

        async def listen() -> None:
            while len(delays) < total:
                message = await anext(answers)
                now = time.time_ns()
                delays.extend((now - event.time.ToNanoseconds()) / 1e6 for event in message.events.events)

        async def change() -> None:
            started = time.perf_counter()
            async with asyncio.TaskGroup() as calls:
                for n in range(total):
                    await asyncio.sleep(max(0.0, started + n / RATE - time.perf_counter()))
                    task = Task(id=made[n % len(made)].id, title=f"change {n}")
                    calls.create_task(stage.update(UpdateTaskRequest(task=task)))

        async with asyncio.timeout(SECONDS * 3):
            await asyncio.gather(listen(), change())
        stream.cancel()
    percentiles = quantiles(delays, n=100)
    note = f"{RATE} changes/s for {SECONDS} s, aim p99 < {MOST_P99:g} ms"
    return [
        Row("delivery", "commit to gRPC stream, p50", percentiles[49], "ms", note=note),
        Row("delivery", "commit to gRPC stream, p99", percentiles[98], "ms", note=note),
    ]
