"""Certificates between the services, made and renewed by the Compose file itself."""

import asyncio
from collections.abc import Sequence

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.compose.conftest import Report
from tests.compose.project import Project, docker, metric
from tests.compose.traffic import traffic

pytestmark = pytest.mark.timeout(600)

EXPIRY = "taskbell_certificate_expiry_timestamp_seconds"


@pytest.fixture(scope="module")
def files() -> Sequence[str]:
    return ("compose/compose.yaml", "compose/compose.tls.yaml")


async def test_certificates_are_renewed_while_people_work(project: Project, report: Report) -> None:
    await project.up(tasksvc=2)
    servers = [each for name in ("tasksvc", "notifysvc") for each in await project.containers(name)]
    before = [await metric(each, EXPIRY) for each in servers]
    async with traffic(project) as seen:
        await asyncio.sleep(2)
        await project.compose("run", "--rm", "certificates")
        async with asyncio.timeout(30):
            while set(before) & {await metric(each, EXPIRY) for each in servers}:
                await asyncio.sleep(0.2)
        await asyncio.sleep(12)  # longer than a connection lasts: all have shaken hands anew
    report(f"certificates renewed: {seen}")
    assert (seen.failed, seen.untold(), seen.wrongly_told(), seen.gaps) == ([], {}, {}, 0)


@pytest.mark.parametrize("service", ["tasksvc", "notifysvc"])
async def test_who_shows_no_certificate_is_not_let_in(project: Project, service: str) -> None:
    [container, *_] = await project.containers(service)
    authority = await docker("exec", container.id, "cat", "/run/secrets/ca.crt")
    target = f"{await container.address()}:{ {'tasksvc': 50051, 'notifysvc': 50052}[service] }"
    named = (("grpc.ssl_target_name_override", service),)
    for channel in (
        grpc.aio.insecure_channel(target),
        grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(authority.encode()), named),
    ):
        async with channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await HealthStub(channel).Check(HealthCheckRequest(), timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_the_command_line_inside_shows_one(project: Project) -> None:
    register = ["register", "ann", "--email", "ann@example.com", "--password-stdin"]
    inside = ("--profile", "cli", "run", "--rm", "--no-TTY", "cli")
    await project.compose(*inside, *register, typed="correct horse battery")
    assert "ann" in await project.compose(*inside, "whoami")
