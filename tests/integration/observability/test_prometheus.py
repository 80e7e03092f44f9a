"""What dashboards and alerts ask, asked of the real Prometheus on a running system in which everything happens."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
import grpc.aio
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from taskbell.queues.v1.queues_pb2_grpc import QueueServiceStub

from compose.grafana.generate import FOLDER
from devstack.ports import HOST, free_port
from devstack.stack import Stack
from tests.certificates import Authority
from tests.integration.observability.conftest import AddGateway, Newcomer
from tests.integration.observability.life import one_of_everything
from tests.integration.observability.prometheus import ALERTS, MISSING, Questions, installed, prometheus, promtool
from tests.mailbox import Mailbox
from tests.receiver import receiving

DOCS: Final = Path(__file__).parents[3] / "docs" / "observability.md"
MEASURE: Final = re.compile(r"(.+) [<>] [\d.]+", re.DOTALL)
WINDOW: Final = "1m"
"""What Grafana puts for $__rate_interval."""
PARTS: Final = re.compile(r"_(bucket|count|sum)$")

Exporters = dict[str, list[str]]

needs_prometheus = pytest.mark.skipif(not installed(), reason=MISSING)


def panels() -> list[str]:
    """The expressions of all dashboards."""
    models = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    targets = [target for model in models for panel in model["panels"] for target in panel["targets"]]
    return [target["expr"].replace("$__rate_interval", WINDOW) for target in targets]


def measures() -> list[str]:
    """What each alert compares with its limit."""
    found = [MEASURE.fullmatch(rule["expr"]) for rule in ALERTS]
    assert None not in found
    return [match[1] for match in found if match]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def exporters(traced: Stack, add_gateway: AddGateway, tmp_path_factory: pytest.TempPathFactory) -> Exporters:
    """Where each service tells its metrics; one of the gateways speaks HTTPS, and so has a certificate that ends."""
    files = Authority().issue(tmp_path_factory.mktemp("tls"), lasts=timedelta(days=90))
    port = free_port()
    await add_gateway(port, HTTP_TLS_CERT_FILE=str(files.certificate), HTTP_TLS_KEY_FILE=str(files.key))
    first = traced.ports.metrics
    return {
        "tasksvc": [f"{HOST}:{first}"],
        "notifysvc": [f"{HOST}:{first + 1}"],
        "gatewaysvc": [f"{HOST}:{first + 2}", f"{HOST}:{port}"],
    }


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def busy(traced: Stack, newcomer: Newcomer, mails: Mailbox) -> AsyncIterator[None]:
    """Everything that is measured has happened, and goes on happening."""
    ann = await newcomer()
    async with grpc.aio.insecure_channel(traced.tasks_address) as channel, receiving() as receiver:
        await ann.make(f"/v1/projects/{ann.user['personalProjectId']}/webhooks", url=receiver.url)
        queues = QueueServiceStub(channel)
        await one_of_everything(ann, queues)
        await mails.arrived(f"to:{ann.user['email']}")
        await receiver.requests(1)

        async def go_on() -> None:
            while True:
                await one_of_everything(ann, queues)

        going = asyncio.create_task(go_on())
        yield
        going.cancel()
        with suppress(asyncio.CancelledError):
            await going


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def questions(
    traced: Stack, http: aiohttp.ClientSession, exporters: Exporters, busy: None
) -> AsyncIterator[Questions]:
    """A Prometheus that watches all of it."""
    server = prometheus(traced.folder, free_port(), exporters)
    try:
        await server.start()
        yield Questions(http, f"http://{server.address}")
    finally:
        await server.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def told(http: aiohttp.ClientSession, exporters: Exporters, busy: None) -> dict[str, str]:
    """What each process tells, once all that is read now and then has been read."""

    async def tell(target: str) -> str:
        async with http.get(f"http://{target}/metrics") as response:
            return await response.text()

    async with asyncio.timeout(60):
        while "taskbell_queue_depth" not in await tell(exporters["tasksvc"][0]):  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(0.2)
    return {target: await tell(target) for targets in exporters.values() for target in targets}


@needs_prometheus
async def test_every_panels_expression_can_be_read_and_gives_data(questions: Questions) -> None:
    assert await questions.without_data(panels()) == []


@needs_prometheus
async def test_every_alert_compares_what_has_a_value_also_when_all_is_well(questions: Questions) -> None:
    assert await questions.without_data(measures()) == []


@needs_prometheus
async def test_nothing_alarms_while_all_is_well(questions: Questions) -> None:
    await questions.without_data(measures())
    assert await questions.firing() == set()


@needs_prometheus
async def test_names_and_texts_keep_to_prometheus_conventions(told: dict[str, str]) -> None:
    for text in told.values():
        assert promtool("check", "metrics", said=text) == ""


async def test_every_metric_is_documented_and_every_documented_one_is_there(told: dict[str, str]) -> None:
    families = [family for text in told.values() for family in text_string_to_metric_families(text)]
    samples = {PARTS.sub("", sample.name) for family in families for sample in family.samples}
    documented = set(re.findall(r"`(taskbell_\w+)`", DOCS.read_text("utf-8")))
    assert {name for name in samples if name.startswith("taskbell_")} == documented
