"""grpc.health.v1: whether the server and each of its services take calls; a watcher never holds up a drain."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # without types
    """Serving until told otherwise, then not for good."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = {"", *services}
        self._left = asyncio.Event()

    def leave(self) -> None:
        """NOT_SERVING, for every service; watchers are told, and their streams end."""
        self._left.set()

    async def Check(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        """Whether a service takes calls now; NOT_FOUND for one that isn't served here."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{request.service!r} is not served here.")
        return self._now()

    async def Watch(self, request: Any, _context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        """The same, now and at every change; a service that isn't served here is SERVICE_UNKNOWN."""
        if request.service not in self._services:
            yield _Status(status=_Status.SERVICE_UNKNOWN)
        elif not self._left.is_set():
            yield self._now()
        await self._left.wait()
        if request.service in self._services:
            yield self._now()

    def _now(self) -> Any:
        return _Status(status=_Status.NOT_SERVING if self._left.is_set() else _Status.SERVING)
