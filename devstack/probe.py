"""Small questions that tell whether a server serves."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Final

from devstack.ports import HOST

LIMIT: Final = 2.0
"""Seconds that an answer may take; a server that is busy getting ready may not answer at all."""


async def answers(port: int, question: bytes, expected: bytes, tls: ssl.SSLContext | None = None) -> bool:
    """Whether the server says what is expected, at once or when asked."""
    try:
        async with asyncio.timeout(LIMIT):
            reader, writer = await asyncio.open_connection(HOST, port, ssl=tls)
            try:
                writer.write(question)
                await reader.readuntil(expected)
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
    return True


async def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def serves_http(port: int, path: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether a GET of the path is answered with 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n"
    return await answers(port, request.encode(), b"HTTP/1.1 200 ", tls)


async def serves_grpc(port: int, settings: Mapping[str, str]) -> bool:
    """Whether the standard health service says that everything serves. The server's settings tell how it is asked."""
    if not await accepts(port):
        return False
    # Imported where it is used: the servers alone are started without it.
    import grpc  # noqa: PLC0415
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    from chassis.health_check import name_option, own_tls  # noqa: PLC0415

    address, tls = f"{HOST}:{port}", own_tls(settings)
    async with (
        grpc.aio.insecure_channel(address)
        if tls is None
        else grpc.aio.secure_channel(address, tls.current().for_client(), name_option(tls))
    ) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=LIMIT)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
