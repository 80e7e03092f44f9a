"""What a client costs that hears nothing, in each process that it reaches, beside a bare server of the same kind.

A process that has served nobody before, so that nothing which others left is counted in its favour.
"""

import asyncio
from base64 import b64encode
from typing import Any

from bench.fan_out import PLAIN_SOCKET, bare, grpc_first, listening, socket_first
from bench.load import resident_mib
from bench.peers import plain_stream
from bench.report import Row
from bench.stage import Stage
from devstack.process import Process

CLIENTS = 1000
SETTLES = 2.0
"""Seconds after which what was only needed to begin has been given back."""


async def idle(stage: Stage) -> list[Row]:
    """Streams of gRPC at notifysvc, then WebSockets at the gateway."""
    conversation = {
        "method": plain_stream.CONVERSE,
        # As long as what our streams begin with: the server keeps it.
        "metadata": {"authorization": f"Bearer {stage.token}"},
        "requests": [b64encode(b"subscribe").decode()],
    }
    gateway = stage.stack.http_url.removeprefix("http://")
    first = grpc_first(stage.project_id, stage.token)
    stream = await _ours(stage.stack.notifysvc, "grpc", stage.stack.notify_address, first)
    bare_stream = await _floor("bench.peers.plain_stream", "grpc", conversation)
    socket = await _ours(stage.stack.gatewaysvc, "socket", gateway, socket_first(stage))
    bare_socket = await _floor("bench.peers.plain_websocket", "socket", PLAIN_SOCKET)
    call = await _call()
    note = f"{CLIENTS:,} of them; aim <= 30 KiB"
    return [
        Row("connections", "a stream in notifysvc", stream, "KiB", stream / bare_stream, note=note),
        Row("connections", "one of a bare grpc.aio server", bare_stream, "KiB", 1.0),
        Row("connections", "a WebSocket in gatewaysvc", socket, "KiB", socket / (bare_socket + call), note=note),
        Row("connections", "one of a bare aiohttp server", bare_socket, "KiB", note="which calls nobody"),
        Row("connections", "and a stream of a bare grpc.aio client", call, "KiB", note="the call behind it"),
    ]


async def _ours(service: Process, kind: str, address: str, first: Any) -> float:
    await service.stop()
    await service.start()
    return await _each(service.pid, kind, address, first)


async def _floor(module: str, kind: str, first: Any) -> float:
    async with bare(module) as (address, pid):
        return await _each(pid, kind, address, first)


async def _call() -> float:
    """KiB of a client for each stream that it reads, beyond the first thousand."""
    found: list[float] = []
    first = {"method": plain_stream.WATCH, "metadata": {}, "requests": []}
    async with bare("bench.peers.plain_stream") as (address, _):
        for clients in (CLIENTS, 2 * CLIENTS):
            async with listening("grpc", address, clients, 1, first) as listeners:
                await asyncio.sleep(SETTLES)
                found.append(resident_mib(listeners.pid))
    return (found[1] - found[0]) * 1024 / CLIENTS


async def _each(pid: int, kind: str, address: str, first: Any) -> float:
    """KiB of the process for each client."""
    before = resident_mib(pid)
    async with listening(kind, address, CLIENTS, 1, first):
        await asyncio.sleep(SETTLES)
        return (resident_mib(pid) - before) * 1024 / CLIENTS
