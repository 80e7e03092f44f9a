"""TLS between services, on real sockets with real certificates."""

import asyncio
import ssl
from datetime import timedelta
from types import SimpleNamespace

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs
from taskbell.accounts.v1.accounts_pb2 import IntrospectTokenRequest, Principal
from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import WatchRequest
from taskbell.tasks.v1.tasks_pb2 import GetTaskRequest, Task

from chassis.errors import CredentialsMissing, TokenInvalid, Unavailable
from chassis.tls import CertificateUnusable, Tls, TlsFiles
from chassis.unreachable import why
from tests.certificates import Authority, replace
from tests.unit.chassis.conftest import SERVICE_KEY

GET_TASK = GetTaskRequest(id="0194e7a4-0000-7000-8000-000000000000")
EXPIRED = -timedelta(hours=1)


class Clock:
    """Time that passes when told to: as long as it takes to look at the files again."""

    now = 0.0

    def __call__(self):
        return self.now

    def pass_by(self):
        self.now += 60


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def stranger():
    return Authority("strangers")


@pytest.fixture
def files(authority, tmp_path):
    """What a server shows, and whom it trusts."""
    return authority.issue(tmp_path / "server")


@pytest.fixture
def own(authority, tmp_path):
    """What a client shows, and whom it trusts."""
    return authority.issue(tmp_path / "client", ["first"])


@pytest.fixture
def trust(files):
    """How a client speaks that has no certificate of its own."""
    return Tls(TlsFiles(authority=files.authority))


async def get_task(request, context):
    """Answers with the client's name, as its certificate says."""
    names = context.auth_context().get("x509_common_name", [b""])
    return Task(id=request.id, title=names[0].decode())


async def introspect(_request, _context):
    return Principal()


async def refused(call, tls):
    """Why there is no connection."""
    with pytest.raises(Unavailable) as caught:
        await call
    return why(str(caught.value), tls)


async def shown(server):
    """The certificate that a server shows in a handshake."""
    pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", server.port))
    return x509.load_pem_x509_certificate(pem.encode())


def serial_in(path):
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


# --- who is let in ---


async def test_calls_health_and_reflection_work_over_tls(serve, client, files, trust):
    server = await serve(GetTask=get_task, tls=Tls(files))
    assert (await client(server, tls=trust).GetTask(GET_TASK)).id == GET_TASK.id
    address = f"127.0.0.1:{server.port}"
    async with grpc.aio.secure_channel(address, trust.current().for_client()) as channel:
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        listing = reflection_pb2.ServerReflectionRequest(list_services="")
        async for answer in reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([listing])):
            assert "taskbell.tasks.v1.TaskService" in [each.name for each in answer.list_services_response.service]


async def test_a_server_of_another_authority_is_refused(serve, client, files, stranger, tmp_path):
    server = await serve(GetTask=get_task, tls=Tls(files))
    wary = Tls(TlsFiles(authority=stranger.issue(tmp_path / "strangers").authority))
    told = await refused(client(server, tls=wary).GetTask(GET_TASK), wary)
    assert told == "its certificate comes from no authority that is trusted here"


async def test_a_certificate_for_another_name_is_refused_unless_that_name_is_expected(
    serve, client, authority, files, trust, tmp_path
):
    server = await serve(GetTask=get_task, tls=Tls(authority.issue(tmp_path / "elsewhere", ["tasksvc"])))
    told = await refused(client(server, tls=trust).GetTask(GET_TASK), trust)
    assert told == "its certificate is for another name than the one in the address"
    expecting = Tls(TlsFiles(authority=files.authority), server_name="tasksvc")
    assert (await client(server, tls=expecting).GetTask(GET_TASK)).id == GET_TASK.id


async def test_an_expired_server_is_refused(client, authority, trust):
    certificate, key = authority.sign(lasts=EXPIRED)
    server = grpc.aio.server()
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    await server.start()
    try:
        told = await refused(client(SimpleNamespace(port=port), tls=trust).GetTask(GET_TASK), trust)
    finally:
        await server.stop(None)
    assert told == "its certificate has expired"


async def test_plain_text_and_tls_do_not_meet(serve, client, files, trust):
    told = await refused(client(await serve(tls=Tls(files))).GetTask(GET_TASK), None)
    assert told == "it hung up: perhaps it speaks TLS only"
    told = await refused(client(await serve(), tls=trust).GetTask(GET_TASK), trust)
    assert told == "it doesn't speak TLS"


async def test_a_mutual_server_takes_clients_of_its_authority_only(
    serve, client, authority, stranger, files, own, trust, tmp_path
):
    server = await serve(GetTask=get_task, tls=Tls(files, mutual=True))
    assert (await client(server, tls=Tls(own)).GetTask(GET_TASK)).title == "first"
    told = await refused(client(server, tls=trust).GetTask(GET_TASK), trust)
    assert told == "it hung up: perhaps it asks for a client certificate"

    foreign = stranger.issue(tmp_path / "foreign")
    replace(foreign.authority, authority.pem)
    told = await refused(client(server, tls=Tls(foreign)).GetTask(GET_TASK), Tls(foreign))
    assert told == "it hung up: perhaps it doesn't accept our certificate"


async def test_a_mutual_server_refuses_a_client_whose_certificate_has_expired(serve, authority, files):
    server = await serve(GetTask=get_task, tls=Tls(files, mutual=True))
    certificate, key = authority.sign(["first"], EXPIRED)
    credentials = grpc.ssl_channel_credentials(authority.pem, key, certificate)
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", credentials) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_ours_makes_nobody_a_service(serve, client, files, own):
    server = await serve(IntrospectToken=introspect, tls=Tls(files, mutual=True))
    request = IntrospectTokenRequest(token="person")
    with pytest.raises(CredentialsMissing):
        await client(server, authorization="", tls=Tls(own)).IntrospectToken(request)
    with pytest.raises(TokenInvalid):
        await client(server, authorization="Service none of ours", tls=Tls(own)).IntrospectToken(request)
    await client(server, authorization=f"Service {SERVICE_KEY}", tls=Tls(own)).IntrospectToken(request)


# --- renewal ---


async def test_a_server_shows_a_renewed_certificate_with_the_next_handshake(serve, authority, files, clock):
    server = await serve(tls=Tls(files, clock=clock))
    assert (await shown(server)).serial_number == serial_in(files.certificate)
    authority.issue(files.certificate.parent)
    clock.pass_by()
    assert (await shown(server)).serial_number == serial_in(files.certificate)


async def test_a_client_shows_a_renewed_certificate_and_no_call_fails_meanwhile(
    serve, client, authority, files, own, clock
):
    server = await serve(GetTask=get_task, tls=Tls(files, mutual=True))
    methods = client(server, tls=Tls(own, clock=clock))
    assert (await methods.GetTask(GET_TASK)).title == "first"
    authority.issue(own.certificate.parent, ["second"])
    clock.pass_by()
    titles = {"first"}
    while "second" not in titles:
        titles |= {task.title for task in await asyncio.gather(*(_got(methods) for _ in range(10)))}
    assert {(await methods.GetTask(GET_TASK)).title for _ in range(10)} == {"second"}


async def _got(methods):
    return await methods.GetTask(GET_TASK)


async def test_a_stream_outlives_its_certificate(serve, client, authority, files, own, clock):
    go_on = asyncio.Event()

    async def watch(_request, _context):
        yield Event(event_id="1")
        await go_on.wait()
        yield Event(event_id="2")

    server = await serve(GetTask=get_task, Watch=watch, tls=Tls(files, mutual=True))
    methods = client(server, tls=Tls(own, clock=clock))
    stream = methods.Watch(WatchRequest())
    assert (await stream.read()).event_id == "1"
    authority.issue(own.certificate.parent, ["second"])
    clock.pass_by()
    while (await methods.GetTask(GET_TASK)).title != "second":
        pass
    go_on.set()
    assert (await stream.read()).event_id == "2"
    assert await stream.read() is grpc.aio.EOF


async def test_one_authority_replaces_another_without_a_failed_call(
    serve, client, authority, stranger, files, own, clock
):
    server = await serve(GetTask=get_task, tls=Tls(files, mutual=True, clock=clock))
    methods = client(server, tls=Tls(own, clock=clock))

    async def renewed(*steps):
        for path, content in steps:
            replace(path, content)
        clock.pass_by()
        for _ in range(20):
            await methods.GetTask(GET_TASK)

    both = authority.pem + stranger.pem
    await renewed((files.authority, both), (own.authority, both))
    for each, name in ((files, "127.0.0.1"), (own, "second")):
        certificate, key = stranger.sign([name])
        await renewed((each.certificate, certificate), (each.key, key))
    await renewed((files.authority, stranger.pem), (own.authority, stranger.pem))
    late = client(server, tls=Tls(own))
    assert (await late.GetTask(GET_TASK)).title == "second"
    assert (await shown(server)).issuer == x509.load_pem_x509_certificate(stranger.pem).subject


async def test_half_a_renewal_changes_nothing(authority, files, clock):
    tls = Tls(files, clock=clock)
    before = tls.current()
    certificate, key = authority.sign()
    with capture_logs() as logs:
        replace(files.certificate, certificate)
        for _ in range(3):
            clock.pass_by()
            assert tls.current() is before
        replace(files.key, key)
        clock.pass_by()
        assert tls.current().own == (key, certificate)
    assert [each["event"] for each in logs] == [
        "a renewed certificate can't be used: the one before stays",
        "a renewed certificate is in use",
    ]
    assert str(files.key) in logs[0]["reason"]


async def test_files_that_go_away_change_nothing(files, clock):
    tls = Tls(files, clock=clock)
    before = tls.current()
    files.certificate.unlink()
    clock.pass_by()
    with capture_logs() as logs:
        assert tls.current() is before
    assert "can't be read" in logs[0]["reason"]


# --- what can't be used ---


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("certificate", "holds no certificates in PEM"),
        ("key", "holds no private key in PEM without a password"),
        ("authority", "holds no certificates in PEM"),
    ],
)
def test_what_is_no_pem_is_named(files, broken, told):
    path = getattr(files, broken)
    path.write_bytes(b"not a certificate")
    with pytest.raises(CertificateUnusable) as caught:
        Tls(files)
    assert str(caught.value) == f"{path} {told}"


def test_a_key_that_belongs_to_another_certificate_is_named(authority, files, tmp_path):
    other = authority.issue(tmp_path / "other")
    with pytest.raises(CertificateUnusable) as caught:
        Tls(TlsFiles(files.certificate, other.key))
    assert str(caught.value) == f"{other.key} is not the key of {files.certificate}"


def test_nobody_starts_with_an_expired_certificate(authority, tmp_path):
    files = authority.issue(tmp_path, lasts=EXPIRED)
    with pytest.raises(CertificateUnusable, match=r"tls\.crt is valid from .* to .*: not now"):
        Tls(files)


def test_a_certificate_comes_with_its_key(tmp_path):
    with pytest.raises(CertificateUnusable):
        TlsFiles(certificate=tmp_path / "tls.crt")
