"""What our images hold, how they run, and that they do for the acceptance tests from outside what the sources do."""

import asyncio
import json
import os
import re
import sys

import pytest

from tests.compose.conftest import Report
from tests.compose.project import ROOT, Project, docker

pytestmark = pytest.mark.timeout(600)

SERVICES = ("tasksvc", "notifysvc", "gatewaysvc")
OURS = (*SERVICES, "edge")
UNWANTED = ("gcc", "cc", "make", "git", "pip", "pip3", "uv", "hatch", "pytest")


async def test_how_large_they_are(project: Project, report: Report) -> None:
    await project.compose("--profile", "cli", "build", "--quiet", "cli")
    base = int(await docker("image", "inspect", "--format", "{{.Size}}", "python:3.13-slim"))
    sizes = {
        name: int(await docker("image", "inspect", "--format", "{{.Size}}", image(name))) for name in (*OURS, "cli")
    }
    ours = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items())
    report(f"images: {ours}; of each the base image is {base / 1e6:.0f} MB")


@pytest.mark.parametrize("service", OURS)
async def test_a_container_runs_unprivileged_and_can_change_nothing(project: Project, service: str) -> None:
    [container, *_] = await project.containers(service)
    assert await container.inspect("{{.Config.User}}") == "10001:10001"
    assert await container.inspect("{{.HostConfig.ReadonlyRootfs}}") == "true"
    assert await container.inspect("{{.HostConfig.CapDrop}}") == "[ALL]"
    assert "no-new-privileges" in await container.inspect("{{.HostConfig.SecurityOpt}}")


@pytest.mark.parametrize("service", OURS)
async def test_an_image_says_what_it_is(project: Project, service: str) -> None:
    labels = json.loads(await docker("image", "inspect", "--format", "{{json .Config.Labels}}", image(service)))
    told = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert told.keys() >= {"title", "description", "vendor", "version", "revision"}
    assert (told["title"], told["version"]) == (service, "compose-test")


async def test_only_the_front_door_and_pages_for_who_runs_it_can_be_reached_and_on_this_machine_alone(
    project: Project,
) -> None:
    published = await docker(
        "ps", "--filter", f"label=com.docker.compose.project={project.name}", "--format", "{{.Ports}}"
    )
    outside = re.findall(r"(\S+):([\d-]+)->", published)
    assert {address for address, _ in outside} == {"127.0.0.1"}
    ports = {each for _, ports in outside for each in range_of(ports)}
    assert ports == set(project.ports.values())


def range_of(ports: str) -> range:
    """50051 or 50051-50052."""
    first, _, last = ports.partition("-")
    return range(int(first), int(last or first) + 1)


def image(name: str) -> str:
    return f"taskbell/{name}:compose-test"


@pytest.mark.parametrize("service", OURS)
async def test_an_image_holds_nothing_to_build_with_and_no_other_service(project: Project, service: str) -> None:
    [container, *_] = await project.containers(service)
    look = f"command -v {' '.join(UNWANTED)}; ls /app; python -c 'import pip' && echo pip; true"
    found = set((await docker("exec", container.id, "sh", "-c", look)).split())
    assert found <= {"chassis", "protos", service}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_knows_no_secret_that_is_not_its_own(project: Project, service: str) -> None:
    [container, *_] = await project.containers(service)
    shown = await docker("exec", container.id, "sh", "-c", "env; cat /proc/1/cmdline")
    readable = set((await docker("exec", container.id, "ls", "/run/secrets")).split())
    key = await docker("exec", container.id, "cat", "/run/secrets/service_key")
    assert key.strip() not in shown
    everybodys = {"service_key"}
    shared = {"database_url", "nats_url", "webhook_key"}
    assert (
        readable
        == {
            "tasksvc": everybodys | shared | {"redis_url", "jwt_key"},
            "notifysvc": everybodys | shared | {"unsubscribe_key"},
            "gatewaysvc": everybodys | {"redis_url"},
        }[service]
    )


async def test_the_process_gets_sigterm_itself_and_ends_well(project: Project) -> None:
    for service in SERVICES:
        [container, *_] = await project.containers(service)
        await docker("stop", container.id)
        assert await container.inspect("{{.State.ExitCode}}") == "0", service
        await docker("start", container.id)
        await container.healthy()
    [edge] = await project.containers("edge")
    await edge.healthy()


async def test_the_acceptance_tests_pass_from_outside(project: Project, report: Report) -> None:
    await project.up(tasksvc=3, notifysvc=2)
    command = [sys.executable, "-m", "pytest", "-q", "tests/acceptance", "-p", "no:cacheprovider"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env={**os.environ, **project.doors}, stdout=asyncio.subprocess.PIPE
    )
    printed = (await process.communicate())[0].decode()
    report(f"acceptance tests from outside, 3 tasksvc, 2 notifysvc: {printed.strip().splitlines()[-1]}")
    assert process.returncode == 0, printed


async def test_the_command_line_runs_inside_and_remembers_who_is_there(project: Project) -> None:
    async def taskbell(*arguments: str, typed: str = "") -> str:
        return await project.compose("--profile", "cli", "run", "--rm", "--no-TTY", "cli", *arguments, typed=typed)

    await taskbell("register", "ann", "--email", "ann@example.com", "--password-stdin", typed="correct horse battery")
    await taskbell("add", "Paint", "the", "wall")
    assert "Paint the wall" in await taskbell("list")
