"""Five thousand people who open their streams at one notifysvc in the same moment: each hears, and what they cost."""

import asyncio
import time

from bench.crowd import join
from bench.fan_out import grpc_first, inboxes_settled, listening, publish
from bench.load import cpu_seconds, resident_mib
from bench.report import Row
from bench.stage import Stage, post
from chassis import jetstream

SUBSCRIBERS = 5000
IDLE = 12.0
"""Seconds: the rights of each are checked four times."""
_NUMBER = 90_000_000


async def subscribers(stage: Stage) -> list[Row]:
    """All at once, then a while in which nothing happens, then one event to all."""
    project_id = post(stage.stack, "/v1/projects", {"title": "Many"}, stage.token)["id"]
    firsts = [grpc_first(project_id, token) for token in await join(stage, project_id, SUBSCRIBERS)]
    services = {"notifysvc": stage.stack.notifysvc, "tasksvc": stage.stack.tasksvc}
    notifysvc = services["notifysvc"]
    await notifysvc.stop()
    await notifysvc.start()
    before = resident_mib(notifysvc.pid)
    async with (
        jetstream.connect(stage.stack.nats_url) as bus,
        listening("grpc", stage.stack.notify_address, SUBSCRIBERS, 1, firsts, at_once=SUBSCRIBERS) as listeners,
    ):
        await bus.ready()
        await inboxes_settled(bus)
        used = {name: cpu_seconds(service.pid) for name, service in services.items()}
        await asyncio.sleep(IDLE)
        idle = {name: (cpu_seconds(service.pid) - used[name]) / IDLE for name, service in services.items()}
        each = (resident_mib(notifysvc.pid) - before) * 1024 / SUBSCRIBERS
        begun = time.monotonic()
        await publish(bus, project_id, _NUMBER, 1)
        took = await listeners.reach("done") - begun
    who = f"{SUBSCRIBERS:,} people, a stream each"
    return [
        Row("subscribers", "opened in the same moment", listeners.opened_in * 1000, "ms", note=f"{who}: all let in"),
        *(Row("subscribers", f"{name}, idle", cpu * 1000, "ms CPU/s", note=who) for name, cpu in idle.items()),
        Row("subscribers", "a stream in notifysvc", each, "KiB", note="aim <= 30 KiB"),
        Row("subscribers", "one event, until all have it", took * 1000, "ms", note=who),
    ]
