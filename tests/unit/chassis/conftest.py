import asyncio
import itertools
from types import SimpleNamespace

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from taskbell.access.v1 import access_pb2
from taskbell.accounts.v1 import accounts_pb2, accounts_pb2_grpc
from taskbell.notifications.v1 import notifications_pb2, notifications_pb2_grpc
from taskbell.queues.v1 import queues_pb2, queues_pb2_grpc
from taskbell.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from chassis.caller import Caller
from chassis.errors import TokenExpired, TokenInvalid
from chassis.grpc_client import channel
from chassis.grpc_server import CONNECTION_AGE, GrpcServer, Service

SERVICE_KEY = "the services' key"
PERSON = Caller("u1", session_id="s1")
READER = Caller("u1", token_id="t1", scopes=frozenset({"tasks:read"}))
NUMBERS = itertools.count(1)
PARTS = (
    (tasks_pb2, tasks_pb2_grpc, "TaskService"),
    (accounts_pb2, accounts_pb2_grpc, "AccountService"),
    (notifications_pb2, notifications_pb2_grpc, "NotificationService"),
    (queues_pb2, queues_pb2_grpc, "QueueService"),
)


async def authenticate(token):
    match token:
        case "person":
            return PERSON
        case "reader":
            return READER
        case "old":
            raise TokenExpired("The token has expired.")
    raise TokenInvalid("The token is none of ours.")


def scripted(**behaviours):
    """The services, their methods doing what is given, and nothing else."""
    services = []
    for messages, generated, name in PARTS:
        servicer = getattr(generated, f"{name}Servicer")()
        descriptor = messages.DESCRIPTOR.services_by_name[name]
        for method in behaviours.keys() & descriptor.methods_by_name.keys():
            setattr(servicer, method, behaviours[method])
        services.append(Service(getattr(generated, f"add_{name}Servicer_to_server"), servicer, descriptor))
    return services


def stubs(open_channel):
    """Every method of every service, as a client calls it."""
    return SimpleNamespace(
        **{
            method: getattr(stub, method)
            for messages, generated, name in PARTS
            for stub in [getattr(generated, f"{name}Stub")(open_channel)]
            for method in messages.DESCRIPTOR.services_by_name[name].methods_by_name
        }
    )


@pytest.fixture
async def serve():
    """Starts a server whose methods do what is given: `await serve(GetTask=get_task)`."""
    servers = []

    async def start(services=None, span=None, tls=None, connection_age=CONNECTION_AGE, **behaviours):
        server = GrpcServer(
            scripted(**behaviours) if services is None else services,
            host="127.0.0.1",
            port=0,
            authenticate=authenticate,
            service_key=SERVICE_KEY,
            connection_age=connection_age,
            span=span,
            tls=tls,
        )
        await server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.drain(0)


@pytest.fixture
async def bare():
    """A stranger's channel to a server, with nothing of ours in it."""
    channels = []

    def connect(server, *options):
        opened = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=options)
        channels.append(opened)
        return opened

    yield connect
    for opened in channels:
        await opened.close()


@pytest.fixture
async def client():
    """Our own client of a server, or of an address, for a person unless told otherwise."""
    channels = []

    def connect(server, authorization="Bearer person", **options):
        address = server if isinstance(server, str) else f"127.0.0.1:{server.port}"
        opened = channel(address, authorization=authorization, **options)
        channels.append(opened)
        return stubs(opened)

    yield connect
    for opened in channels:
        await opened.close()


@pytest.fixture
def forever():
    """A method that never answers; it notes that it began, and how it ended."""

    class Forever:
        def __init__(self):
            self.begun, self.cancelled = asyncio.Event(), asyncio.Event()

        async def __call__(self, _request, _context):
            self.begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise

    return Forever()


@pytest.fixture
def probe():
    """A service that is in none of our protos, from its methods' options and behaviour.

    `probe(Collect=({"client_streaming": True, "anonymous": True}, collect))`
    """

    def make(**methods):
        number = next(NUMBERS)
        file = descriptor_pb2.FileDescriptorProto(
            name=f"tests/probe{number}.proto",
            package=f"probe{number}",
            syntax="proto3",
            dependency=["taskbell/tasks/v1/tasks.proto", "taskbell/access/v1/access.proto"],
        )
        service = file.service.add(name="Probe")
        handlers = {}
        for name, (options, behaviour) in methods.items():
            rule = dict(options)
            method = service.method.add(
                name=name,
                input_type=".taskbell.tasks.v1.GetTaskRequest",
                output_type=".taskbell.tasks.v1.Task",
                client_streaming=rule.pop("client_streaming"),
            )
            if rule:
                method.options.Extensions[access_pb2.access].CopyFrom(access_pb2.Access(**rule))
            handlers[name] = grpc.stream_unary_rpc_method_handler(
                behaviour, tasks_pb2.GetTaskRequest.FromString, tasks_pb2.Task.SerializeToString
            )
        pool = descriptor_pool.Default()
        pool.AddSerializedFile(file.SerializeToString())
        name = f"{file.package}.Probe"
        return Service(
            lambda _servicer, server: server.add_registered_method_handlers(name, handlers),
            None,
            pool.FindServiceByName(name),
        )

    return make
