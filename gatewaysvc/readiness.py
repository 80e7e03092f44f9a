"""Whether the services behind the gateway take calls."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import grpc.aio
import structlog
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from chassis.errors import ServiceError

_PATIENCE: Final = 1.0
_log = structlog.get_logger()


class Readiness:
    """Asks each process's health."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._unreachable: set[str] = set()
        self._checks = {
            process: channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=HealthCheckRequest.SerializeToString,
                response_deserializer=HealthCheckResponse.FromString,
            )
            for process, channel in channels.items()
        }

    async def report(self) -> Mapping[str, str]:
        """Each process's state: SERVING, NOT_SERVING or UNREACHABLE."""
        states = await asyncio.gather(*(self._state(process, check) for process, check in self._checks.items()))
        return dict(zip(self._checks, states, strict=True))

    async def _state(self, process: str, check: Any) -> str:
        try:
            answer = await check(HealthCheckRequest(), timeout=_PATIENCE)
        except ServiceError as error:
            if process not in self._unreachable:
                _log.warning("unreachable", process=process, reason=error.message)
            self._unreachable.add(process)
            return "UNREACHABLE"
        self._unreachable.discard(process)
        return str(HealthCheckResponse.ServingStatus.Name(answer.status))
