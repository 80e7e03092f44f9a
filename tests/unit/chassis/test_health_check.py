import asyncio
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from chassis.tls import Tls
from tests.certificates import Authority


async def check(*arguments, **environment):
    """The exit code and what was printed."""
    command = [sys.executable, "-m", "chassis.health_check", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=os.environ | environment
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_a_grpc_server_that_takes_calls_is_well(serve):
    server = await serve()
    assert await check(f"grpc://127.0.0.1:{server.port}") == (0, "")


@pytest.mark.parametrize("mutual", [False, True])
async def test_a_server_that_speaks_tls_is_asked_over_tls_whatever_its_certificate_is_called(serve, tmp_path, mutual):
    files = Authority().issue(tmp_path, ["tasksvc"])
    server = await serve(tls=Tls(files, mutual=mutual))
    settings = {
        "TASKBELL_TLS": "mtls" if mutual else "tls",
        "TASKBELL_TLS_CA_FILE": str(files.authority),
        "TASKBELL_TLS_CERT_FILE": str(files.certificate),
        "TASKBELL_TLS_KEY_FILE": str(files.key),
    }
    assert await check(f"grpc://127.0.0.1:{server.port}", **settings) == (0, "")
    code, printed = await check(f"grpc://127.0.0.1:{server.port}")
    assert code == 1
    assert "UNAVAILABLE" in printed


async def test_a_server_that_does_not_answer_is_not():
    code, printed = await check("grpc://127.0.0.1:1")
    assert code == 1
    assert "UNAVAILABLE" in printed


@pytest.fixture
def ready():
    """An HTTP server that is ready at /readyz, and nowhere else."""

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/readyz" else 503)
            self.end_headers()

        def log_message(self, *_args):
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


async def test_a_gateway_is_well_once_it_is_ready(ready):
    assert await check(f"{ready}/readyz") == (0, "")
    code, printed = await check(f"{ready}/other")
    assert code == 1
    assert "503" in printed


async def test_it_says_how_it_is_used():
    assert (await check("somewhere"))[0] == 2
