"""A whole system that speaks TLS: HTTPS and WSS to browsers, mTLS between services and to programs."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

from chassis.tls import Tls, TlsFiles
from cli import sdk
from cli.client import Client
from devstack.process import Process
from devstack.stack import Stack
from tests.certificates import Authority, replace
from tests.conftest import MakeStack
from tests.integration.operations.conftest import Json, asked, sign_up

NAMES = ["127.0.0.1", "localhost", "taskbell"]
EXPIRY = "taskbell_certificate_expiry_timestamp_seconds"
FIRST, SECOND = Authority("first authority"), Authority("second authority")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every process of the system shows, and whom it trusts."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
async def stack(make_stack: MakeStack, folder: Path) -> AsyncIterator[Stack]:
    files = FIRST.issue(folder, NAMES)
    settings = {
        "TASKBELL_TLS": "mtls",
        "TASKBELL_TLS_CA_FILE": str(files.authority),
        "TASKBELL_TLS_CERT_FILE": str(files.certificate),
        "TASKBELL_TLS_KEY_FILE": str(files.key),
        "TASKBELL_TLS_SERVER_NAME": "taskbell",
        "TASKBELL_HTTP_TLS_CERT_FILE": str(files.certificate),
        "TASKBELL_HTTP_TLS_KEY_FILE": str(files.key),
    }
    async with make_stack(environment=settings, replicas={"tasksvc": 2, "notifysvc": 1, "gatewaysvc": 1}) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that trusts both authorities, and makes a handshake for each request."""
    trusting = ssl.create_default_context(cadata=(FIRST.pem + SECOND.pem).decode())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting, force_close=True)) as session:
        yield session


async def taskbell(stack: Stack, *arguments: str, **environment: str) -> tuple[int | None, str]:
    """How a command ends, and what it prints."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        env=stack.service_environment() | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await child.communicate()
    return child.returncode, printed.decode()


async def test_people_and_programs_meet_over_tls(stack: Stack, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    ann = await sign_up(http, stack, "ann")
    signed_in = {"TASKBELL_TOKEN": ann["accessToken"], "TASKBELL_CONFIG": str(tmp_path / "config.json")}
    async with http.ws_connect(f"{stack.http_url}/v1/events") as socket:
        await socket.send_json({"hello": {"token": ann["accessToken"]}})
        assert "welcome" in await socket.receive_json()
        await socket.send_json({"subscribe": {"id": "s1"}})
        assert "subscribed" in await socket.receive_json()
        code, printed = await taskbell(stack, "add", "Book the van", **signed_in)
        assert code == 0, printed
        told: Json = {}
        while not any(each.get("type") == "task.created" for each in told.get("events", {}).get("events", [])):
            told = await socket.receive_json(timeout=60)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"TASKBELL_TLS": "off"}, "it hung up: perhaps it speaks TLS only"),
        (
            {"TASKBELL_TLS": "tls", "TASKBELL_TLS_CERT_FILE": "", "TASKBELL_TLS_KEY_FILE": ""},
            "it hung up: perhaps it asks for a client certificate",
        ),
    ],
)
async def test_a_command_says_why_it_is_not_let_in(
    stack: Stack, tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    ahead = {"TASKBELL_TOKEN": "tb_none", "TASKBELL_CONFIG": str(tmp_path / "config.json")}
    code, printed = await taskbell(stack, "list", **ahead, **settings)
    assert (code, told in printed) == (78, True), printed


async def test_certificates_and_their_authority_are_replaced_while_it_runs_and_no_call_fails(
    stack: Stack, http: aiohttp.ClientSession, folder: Path
) -> None:
    bob = await sign_up(http, stack, "bob")
    replaced = asyncio.Event()

    async def call_on(client: Client) -> None:
        while not replaced.is_set():
            await client.tasks.list_tasks(sdk.tasks.ListTasksRequest())

    async def browse() -> None:
        while not replaced.is_set():
            await asked(http, "GET", f"{stack.http_url}/v1/tasks", bob["accessToken"])

    async with (
        Client(
            tasks_address=stack.tasks_address,
            notify_address=stack.notify_address,
            token=bob["accessToken"],
            tls=Tls(TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "ca.crt"), server_name="taskbell"),
        ) as client,
        asyncio.TaskGroup() as calling,
    ):
        calling.create_task(call_on(client))
        calling.create_task(browse())

        await trust(stack, folder, FIRST.pem + SECOND.pem)
        certificate, key = SECOND.sign(NAMES, lasts=timedelta(days=20))
        replace(folder / "tls.crt", certificate)
        replace(folder / "tls.key", key)
        expires = x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp()
        while {each for service in stack.services for each in await expiries(service)} != {expires}:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)  # they look at their files once a second
        await trust(stack, folder, SECOND.pem)
        replaced.set()

    # Whoever starts now, and the browser, trusts the second authority alone.
    await stack.tasksvc.stop()
    await stack.tasksvc.start()
    await stack.notifysvc.stop()
    await stack.notifysvc.start()
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=SECOND.pem.decode()))
    async with aiohttp.ClientSession(connector=connector) as wary:
        for _ in range(10):
            await asked(wary, "GET", f"{stack.http_url}/v1/tasks", bob["accessToken"])
            await asked(wary, "GET", f"{stack.http_url}/v1/notifications", bob["accessToken"])


async def trust(stack: Stack, folder: Path, authorities: bytes) -> None:
    """Replaces those that are trusted, and waits until every process has them."""
    before = [renewals(service) for service in stack.services]
    replace(folder / "ca.crt", authorities)
    while not all(renewals(service) > times for service, times in zip(stack.services, before, strict=True)):
        for service in stack.services:
            await expiries(service)  # asks what is in use now
        await asyncio.sleep(0.1)


def renewals(service: Process) -> int:
    """How often it took up what was new."""
    return service.log_path.read_text().count("a renewed certificate is in use")


async def expiries(service: Process) -> set[float]:
    """When the certificates that it shows end."""
    lines = map(json.loads, service.log_path.read_text().splitlines())
    address = next(each["metrics"] for each in lines if each["event"] == "listening")
    async with aiohttp.ClientSession() as plain, plain.get(f"http://{address}/metrics") as response:
        families = text_string_to_metric_families(await response.text())
        return {sample.value for family in families if family.name == EXPIRY for sample in family.samples}
