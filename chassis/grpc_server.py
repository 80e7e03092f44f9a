"""A gRPC server: services with everything around their calls, health, reflection, limits, and a tidy end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Self

import grpc
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis.access import Authenticate, Gate
from chassis.errors import MethodNotImplemented, to_status
from chassis.health import Health
from chassis.interceptors import Handler, Span, intercepted
from chassis.run import CannotStart
from chassis.service_error import STATUS_KEY
from chassis.tls import Tls
from chassis.tracing import server_span

MOST_BYTES: Final = 4 * 1024 * 1024
"""The largest message that the server takes."""
CONNECTION_AGE: Final = 10.0
"""Seconds after which a client is asked to connect anew, whereby it finds out which replicas there are now."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MOST_BYTES),
    ("grpc.max_send_message_length", -1),
    # A second process on the same port would get half of the connections; it must fail instead.
    ("grpc.so_reuseport", 0),
    # After an outage everybody comes back in the same moment; from 1,000 on gRPC would refuse some, at random.
    ("grpc.server.max_pending_requests", 10_000),
    ("grpc.server.max_pending_requests_hard_limit", 10_000),
    # Finds clients that went without a word, and lets them look for us more often.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclass(frozen=True, slots=True)
class Service:
    """A servicer, and how generated code adds it."""

    add: Callable[[Any, Any], None]
    servicer: object
    descriptor: ServiceDescriptor

    @classmethod
    def of(cls, file: FileDescriptor, generated: ModuleType, servicer: object) -> Self:
        """The servicer of the file's only service: `Service.of(tasks_pb2.DESCRIPTOR, tasks_pb2_grpc, tasks)`."""
        (descriptor,) = file.services_by_name.values()
        return cls(getattr(generated, f"add_{descriptor.name}Servicer_to_server"), servicer, descriptor)


class GrpcServer:
    """Serves once started, until drained. Refuses to be made with a method that doesn't say who may call it."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        host: str,
        port: int,
        authenticate: Authenticate,
        service_key: str,
        connection_age: float = CONNECTION_AGE,
        span: Span | None = None,
        tls: Tls | None = None,
    ) -> None:
        self._tls = tls
        self._host = host
        self._port = port
        span = span or server_span()
        gate = Gate(authenticate, service_key)
        names = [service.descriptor.full_name for service in services]
        self._health = Health(names)
        # Clients look for replicas when they connect. Calls that are under way end on the connection they began on.
        self._server = grpc.aio.server(options=(*_OPTIONS, ("grpc.max_connection_age_ms", int(connection_age * 1000))))
        for service in services:
            handlers = _handlers(service)
            methods = service.descriptor.methods_by_name
            self._server.add_registered_method_handlers(
                service.descriptor.full_name,
                {name: intercepted(handler, methods[name], gate, span) for name, handler in handlers.items()},
            )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        reflection.enable_server_reflection([*names, health_name, reflection.SERVICE_NAME], self._server)
        self._server.add_generic_rpc_handlers((_Unserved(),))

    @property
    def port(self) -> int:
        """The port; after `start` the real one, if a free one was asked for."""
        return self._port

    @property
    def listening(self) -> Mapping[str, str]:
        """Where clients find it."""
        return {"grpc": self._address(), "tls": "off" if self._tls is None else "mtls" if self._tls.mutual else "tls"}

    async def start(self) -> None:
        """Takes calls from now on. Raises CannotStart if the port is taken."""
        try:
            if self._tls is None:
                self._port = self._server.add_insecure_port(self._address())
            else:
                self._port = self._server.add_secure_port(self._address(), self._tls.server_credentials())
        except RuntimeError as error:
            raise CannotStart(f"{self._address()} can't be listened on: is another process there?") from error
        await self._server.start()

    async def drain(self, grace: float) -> None:
        """Takes no new calls from now on; those in flight have `grace` seconds to end, then they are cancelled."""
        self._health.leave()
        await self._server.stop(grace)

    def _address(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"


class _Unserved(grpc.GenericRpcHandler):
    """Answers for every method that nobody serves."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        """A handler that refuses."""
        told = to_status(MethodNotImplemented(f"{handler_call_details.method} is not served here."))

        async def refuse(_requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await context.abort(MethodNotImplemented.code, told.message, ((STATUS_KEY, told.SerializeToString()),))

        behaviour: Any = refuse
        return grpc.stream_stream_rpc_method_handler(behaviour)


class _Registrar:
    """Stands in for a server while generated code hands over a service's handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, _handlers: object) -> None:
        """The older way, in which generated code offers the same once more."""

    def add_registered_method_handlers(self, _service: str, handlers: dict[str, Handler]) -> None:
        """Takes them."""
        self.handlers = handlers


def _handlers(service: Service) -> Mapping[str, Handler]:
    registrar = _Registrar()
    service.add(service.servicer, registrar)
    return registrar.handlers
