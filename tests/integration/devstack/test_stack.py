"""A stack beside others: whose folder, which ports, which user."""

import os
import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import nats
import pytest
import redis.asyncio
from nats.aio.client import Client as Bus

from devstack.errors import StackError
from devstack.ports import Ports, free_port
from devstack.stack import SERVERS_ALONE, Stack
from tests.integration.devstack.conftest import Hold


async def answers(database_url: str) -> bool:
    connection = await asyncpg.connect(database_url)
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


async def test_two_stacks_run_side_by_side(servers: Stack, database: str, tmp_path: Path) -> None:
    async with Stack(data_dir=tmp_path, replicas=SERVERS_ALONE, throwaway=True) as other:
        assert not {process.port for process in servers.processes} & {process.port for process in other.processes}
        assert await answers(database)
        assert await answers(other.database_url)
    assert await answers(database)


async def test_a_folder_in_use_is_refused_and_its_user_named(servers: Stack) -> None:
    with pytest.raises(StackError, match=rf"{servers.folder} is in use by process {os.getpid()}.*TASKBELL_DATA_DIR"):
        await Stack(data_dir=servers.data_dir, replicas=SERVERS_ALONE).__aenter__()


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be used"):
        await Stack(data_dir=tmp_path / "file" / "data", replicas=SERVERS_ALONE).__aenter__()


async def test_every_taken_port_is_named_with_its_variable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        http, mail = one.getsockname()[1], other.getsockname()[1]
        with pytest.raises(StackError) as refused:
            await Stack(data_dir=tmp_path, ports=Ports(http=http, mail=mail), replicas=SERVERS_ALONE).__aenter__()
    assert f"port {http} (TASKBELL_HTTP_PORT)" in str(refused.value)
    assert f"port {mail} (TASKBELL_MAIL_PORT)" in str(refused.value)


async def test_a_port_wanted_twice_is_refused() -> None:
    port = free_port()
    with pytest.raises(StackError, match="TASKBELL_NOTIFY_PORT"):
        Ports(tasks=port, notify=port, http=0, metrics=0, mail=0, smtp=0).settle(ExitStack())


def test_the_metrics_ports_are_three_in_a_row() -> None:
    ports = Ports.from_environment({"TASKBELL_METRICS_PORT": str(free_port(in_a_row=3))}, free=True)
    with (
        socket.create_server(("127.0.0.1", ports.metrics + 2)),
        pytest.raises(StackError, match=str(ports.metrics + 2)),
    ):
        ports.settle(ExitStack())


def test_ports_for_metrics_and_mail_that_nobody_named_yield_to_another_stack() -> None:
    named = {f"TASKBELL_{name}_PORT": str(free_port()) for name in ("HTTP", "TASKS", "NOTIFY")}
    with ExitStack() as one, ExitStack() as other:
        # Whether the usual ones are free on this machine or not, the second stack can't have what the first took.
        first = Ports.from_environment(named).settle(one)
        again = {**named, **{name: str(free_port()) for name in named}}
        second = Ports.from_environment(again).settle(other)
    for name in ("metrics", "mail", "smtp"):
        assert getattr(first, name) != getattr(second, name)


def test_two_stacks_that_start_at_once_find_different_ports() -> None:
    with ExitStack() as one, ExitStack() as other:
        found = [set(Ports.free().settle(claims).numbers().values()) for claims in (one, other)]
    assert not found[0] & found[1]


def test_a_claimed_port_is_not_found_again_until_the_claim_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    real = random.randrange
    draws: list[int] = []
    monkeypatch.setattr(random, "randrange", lambda *span: draws.pop() if draws else real(*span))
    with ExitStack() as claims:
        port = free_port(claims)
        draws.append(port)
        assert free_port() != port
    draws.append(port)
    assert free_port() == port


@pytest.mark.parametrize("wrong", ["http", "70000", "-1", "80.5"])
def test_a_port_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(StackError, match="TASKBELL_HTTP_PORT"):
        Ports.from_environment({"TASKBELL_HTTP_PORT": wrong})


async def test_nobody_gets_in_without_the_password(servers: Stack) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(servers.database_url.replace(servers.secrets.postgres, "guess"))
    async with redis.asyncio.from_url(f"redis://127.0.0.1:{servers.ports.valkey}") as stranger:
        with pytest.raises(redis.exceptions.AuthenticationError):
            await stranger.ping()
    bus = Bus()
    with pytest.raises(nats.errors.Error, match="Authorization"):
        await bus.connect(f"nats://127.0.0.1:{servers.ports.nats}", allow_reconnect=False, error_cb=_silent)
    await bus.close()


async def _silent(_error: Exception) -> None:
    pass


def test_what_holds_a_password_is_its_owners_to_read(servers: Stack) -> None:
    passwords = [servers.secrets.postgres, servers.secrets.valkey, servers.secrets.nats, servers.secrets.service_key]
    files = [file for file in servers.folder.iterdir() if file.is_file() and ".sqlite" not in file.name]
    holding = [file for file in files if any(each in file.read_text() for each in passwords)]
    assert {file.name for file in holding} >= {"secrets.json", "env", "valkey.conf", "nats.conf"}
    assert {file.name for file in holding if file.stat().st_mode & 0o077} == set()
    command_lines = [Path(f"/proc/{process.pid}/cmdline").read_text() for process in servers.processes]
    assert not any(each in line for each in passwords for line in command_lines)


def test_everything_listens_on_this_machine_only(servers: Stack) -> None:
    ports = {process.port for process in servers.processes} | {servers.ports.smtp}
    listening = dict(_listening())
    assert {listening[port] for port in ports} == {"0100007F"}


def _listening() -> Iterator[tuple[int, str]]:
    """Port and address, in the kernel's hexadecimal, of every listening socket."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == "0A":
                address, _, port = local.partition(":")
                yield int(port, 16), address


async def test_an_ordinary_user_runs_it(tmp_path: Path, hold: Hold) -> None:
    # In a user namespace this process is user 1000, without any of root's rights.
    before = ("unshare", "--user", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()
    async with hold(tmp_path, *before) as holder:
        assert await answers(holder.database_url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_root_becomes_nobody_where_user_namespaces_are_forbidden(hold: Hold) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, tools = Path(folder) / "data", Path(folder) / "tools"
        Path(folder).chmod(0o755)
        tools.mkdir()
        (tools / "setpriv").symlink_to(str(shutil.which("setpriv")))
        for _ in range(2):
            async with hold(data, PATH=str(tools)) as holder:
                assert await answers(holder.database_url)
                assert Path(f"/proc/{holder.pids['postgres']}").stat().st_uid == 65534
        assert (data / "secrets.json").stat().st_uid == 0
