"""Five thousand subscribers on one notifysvc, who are two hundred people: each hears, and what they cost meanwhile."""

import asyncio
import time

from bench.fan_out import grpc_first, inboxes_settled, listening, publish
from bench.load import cpu_seconds, resident_mib
from bench.report import Row
from bench.stage import Stage, post
from chassis import jetstream

SUBSCRIBERS = 5000
PEOPLE = 200
IDLE = 12.0
"""Seconds: the rights of each are checked four times."""
_NUMBER = 90_000_000


async def subscribers(stage: Stage) -> list[Row]:
    """A while in which nothing happens, then one event to all."""
    project_id = post(stage.stack, "/v1/projects", {"title": "Many"}, stage.token)["id"]
    tokens = [await asyncio.to_thread(_join, stage, project_id, number) for number in range(PEOPLE)]
    firsts = [grpc_first(project_id, token) for token in tokens]
    services = {"notifysvc": stage.stack.notifysvc, "tasksvc": stage.stack.tasksvc}
    notifysvc = services["notifysvc"]
    await notifysvc.stop()
    await notifysvc.start()
    before = resident_mib(notifysvc.pid)
    async with (
        jetstream.connect(stage.stack.nats_url) as bus,
        listening("grpc", stage.stack.notify_address, SUBSCRIBERS, 1, firsts) as listeners,
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
    who = f"{SUBSCRIBERS:,} streams of {PEOPLE} people"
    return [
        *(Row("subscribers", f"{name}, idle", cpu * 1000, "ms CPU/s", note=who) for name, cpu in idle.items()),
        Row("subscribers", "a stream in notifysvc", each, "KiB", note="aim <= 30 KiB"),
        Row("subscribers", "one event, until all have it", took * 1000, "ms", note=who),
    ]


def _join(stage: Stage, project_id: str, number: int) -> str:
    """The access token of a new member."""
    account = {"username": f"reader{number}", "email": f"reader{number}@example.com", "password": "benchmarks run long"}
    user = post(stage.stack, "/v1/users", account)
    member = {"userId": user["id"], "role": "VIEWER"}
    post(stage.stack, f"/v1/projects/{project_id}/members", member, stage.token)
    login = {name: account[name] for name in ("username", "password")}
    token: str = post(stage.stack, "/v1/sessions", login)["accessToken"]
    return token
