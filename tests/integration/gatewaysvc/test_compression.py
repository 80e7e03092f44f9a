import gzip
import json
import sys

import aiohttp
import brotli
import pytest
from taskbell.tasks.v1.tasks_pb2 import Task

from tests.integration.gatewaysvc.peers import GOOD, ID

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TASK = f"/v1/tasks/{ID}"
UNDO = {"zstd": zstd.decompress, "br": brotli.decompress, "gzip": gzip.decompress, None: bytes}
LONG = "Two coats, white. " * 200


@pytest.fixture
async def raw(gateway):
    """A client that is signed in, and leaves answers as they come."""
    url = f"http://127.0.0.1:{gateway.port}"
    async with aiohttp.ClientSession(url, headers=GOOD, auto_decompress=False) as session:
        yield session


@pytest.fixture
def long_task(tasksvc):
    _, servicer, _ = tasksvc
    servicer.task = Task(id=ID, title="milk", description=LONG, etag="e1")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, br;q=0.5, zstd;q=0.1", "gzip"),
        ("zstd;q=0, *", "br"),
        ("GZIP", "gzip"),
        ("identity", None),
        ("identity;q=1, gzip;q=0.5", None),
        ("deflate", None),
        ("", None),
        ("gzip;q=0", None),
    ],
)
async def test_an_answer_comes_in_the_coding_that_the_client_likes_best(raw, long_task, accepted, coding):
    async with raw.get(TASK, headers={"Accept-Encoding": accepted}) as response:
        body = await response.read()
    assert response.headers.get("Content-Encoding") == coding
    assert json.loads(UNDO[coding](body))["description"] == LONG
    assert (len(body) < 800) is (coding is not None)
    assert int(response.headers["Content-Length"]) == len(body)
    assert "Accept-Encoding" in response.headers["Vary"]
    assert response.headers["ETag"] == '"e1"'


async def test_a_small_answer_stays_as_it_is(raw):
    async with raw.get(TASK, headers={"Accept-Encoding": "gzip"}) as response:
        assert "Content-Encoding" not in response.headers
        assert json.loads(await response.read())["title"] == "milk"


async def test_a_stream_is_not_held_up_by_compression(raw):
    async with raw.get("/v1/events", headers={"Accept-Encoding": "gzip, br, zstd"}) as response:
        assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("path", ["/", "/docs/swagger-ui.css", "/openapi.json"])
async def test_pages_are_compressed_as_well(raw, path):
    async with raw.get(path, headers={"Accept-Encoding": "br"}) as response:
        whole = brotli.decompress(await response.read())
    async with raw.get(path, headers={"Accept-Encoding": "identity"}) as response:
        assert await response.read() == whole


async def test_a_reader_that_has_the_answer_gets_no_compressed_nothing(raw, long_task):
    headers = {"Accept-Encoding": "gzip", "If-None-Match": '"e1"'}
    async with raw.get(TASK, headers=headers) as response:
        assert (response.status, await response.read()) == (304, b"")
        assert "Content-Encoding" not in response.headers
