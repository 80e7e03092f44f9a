"""Streams of any method: what the client accepts is what it gets, and it can tell the end from a break."""

import asyncio
import json

import aiohttp
import pytest
from grpc import StatusCode

from chassis.grpc_client import channel
from gatewaysvc import services
from gatewaysvc.app import App
from gatewaysvc.http_server import HttpServer
from tests.transcoding.echo_types import services as echo_services

PARTS = [{"name": "wheel", "count": 4, "tags": ["a\nb"]}, {"name": "bell", "count": 1, "tags": []}]
NOT_FOUND = StatusCode.NOT_FOUND.value[0]
NDJSON, SSE, ARRAY = "application/x-ndjson", "text/event-stream", "application/json"


@pytest.fixture
async def http(echo_gateway):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{echo_gateway.port}") as session:
        yield session


def told(body: str, dialect: str):
    """The messages of an answer."""
    if dialect == ARRAY:
        return json.loads(body)
    if dialect == NDJSON:
        return [json.loads(line) for line in body.splitlines()]
    blocks = [block.splitlines() for block in body.split("\n\n") if "data: " in block]
    return [json.loads(line.removeprefix("data: ")) for block in blocks for line in block if line.startswith("data: ")]


@pytest.mark.parametrize("dialect", [NDJSON, SSE, ARRAY])
async def test_a_stream_comes_as_the_client_accepts_it(http, dialect):
    async with http.post("/v1/parts", json={"parts": PARTS}, headers={"Accept": dialect}) as response:
        assert (response.status, response.content_type) == (200, dialect)
        assert told(await response.text(), dialect) == PARTS


@pytest.mark.parametrize("dialect", [NDJSON, ARRAY])
async def test_a_stream_of_nothing_is_a_whole_answer(http, dialect):
    async with http.get("/v1/parts", headers={"Accept": dialect}) as response:
        assert told(await response.text(), dialect) == []


@pytest.mark.parametrize(
    ("accept", "dialect"),
    [
        ("*/*", NDJSON),
        ("", NDJSON),
        ("image/png", NDJSON),
        ("application/*", NDJSON),
        ("text/*", SSE),
        ("application/json, text/event-stream;q=0.5", ARRAY),
        ("application/json;q=0.1, */*;q=0.5", NDJSON),
        ("application/x-ndjson;q=0, application/ndjson;q=0, application/jsonl;q=0, */*", SSE),
        ("TEXT/EVENT-STREAM", SSE),
    ],
)
async def test_the_client_weighs_what_it_accepts(http, accept, dialect):
    async with http.get("/v1/parts", headers={"Accept": accept}) as response:
        assert response.content_type == dialect


@pytest.mark.parametrize("dialect", [NDJSON, SSE, ARRAY])
async def test_an_error_after_the_first_message_is_told_as_the_last_one(http, dialect):
    body = {"parts": PARTS, "number": NOT_FOUND}
    async with http.post("/v1/parts", json=body, headers={"Accept": dialect}) as response:
        assert response.status == 200
        *messages, last = told(await response.text(), dialect)
    assert messages == PARTS
    status = last if dialect == SSE else last["error"]
    assert (status["code"], status["message"]) == (NOT_FOUND, "as asked")


async def test_an_error_before_the_first_message_is_the_http_status(http):
    async with http.post("/v1/parts", json={"number": NOT_FOUND}, headers={"Accept": ARRAY}) as response:
        assert (response.status, (await response.json())["code"]) == (404, NOT_FOUND)


async def test_messages_come_when_they_are_there_and_not_at_the_end(http):
    body = {"parts": PARTS, "flag": True}
    async with http.post("/v1/parts", json=body, headers={"Accept": ARRAY}) as response:
        async with asyncio.timeout(30):
            assert await response.content.readline() == b"[\n"
            assert json.loads((await response.content.readline()).rstrip(b",\n")) == PARTS[0]


@pytest.mark.parametrize("dialect", [NDJSON, SSE, ARRAY])
async def test_a_client_that_goes_ends_the_call_behind_at_once(http, upstream, dialect):
    upstream.cancelled.clear()
    response = await http.post("/v1/parts", json={"parts": PARTS, "flag": True}, headers={"Accept": dialect})
    await response.content.readany()
    response.close()
    async with asyncio.timeout(30):
        await upstream.cancelled.wait()


async def test_a_stream_lasts_as_long_as_its_caller_waits(http, upstream):
    upstream.cancelled.clear()
    body, headers = {"parts": PARTS, "flag": True}, {"Grpc-Timeout": "200m"}
    async with http.post("/v1/parts", json=body, headers=headers) as response:
        *_, last = told(await response.text(), NDJSON)
    assert last["error"]["code"] == StatusCode.DEADLINE_EXCEEDED.value[0]
    async with asyncio.timeout(30):
        await upstream.cancelled.wait()


async def test_a_stream_that_is_cut_off_by_the_gateway_does_not_look_whole(upstream):
    async with channel(f"127.0.0.1:{upstream.port}") as opened:
        echo = [services.Upstream(each, "tasksvc") for each in echo_services()]
        server = HttpServer(App({"tasksvc": opened}, services=echo), host="127.0.0.1", port=0)
        await server.start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as http:
            body = {"parts": PARTS, "flag": True}
            async with http.post("/v1/parts", json=body, headers={"Accept": ARRAY}) as response:
                await response.content.readline()
                await server.drain(5)
                *_, last = json.loads("[" + (await response.text()))
    assert last["error"]["code"] == StatusCode.UNAVAILABLE.value[0]


async def test_a_stream_may_be_one_field_of_its_messages(http):
    async with http.post("/v1/names", json={"parts": PARTS}) as response:
        assert told(await response.text(), NDJSON) == ["wheel", "bell"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('[{"name": "a"}, {"count": "x"}]', '"field":"[1].count"'),
        ('[{"name": "a"}, {"part": {"nam": "b"}}]', '"field":"[1].part.nam"'),
        ("[1]", "[0]: The body must be a JSON object"),
        ('[{"name": "a"}', "line 1, column"),
    ],
)
async def test_a_bad_message_in_a_stream_of_requests_is_named(http, upstream, body, said):
    upstream.calls.clear()
    headers = {"Content-Type": "application/json"}
    async with http.post("/v1/gather", data=body, headers=headers) as response:
        assert response.status == 400
        assert said in await response.text()
    assert upstream.calls == []


async def test_a_bad_line_is_named_and_other_types_are_refused(http):
    lines = b'{"name": "a"}\n{"name": \n'
    async with http.post("/v1/gather", data=lines, headers={"Content-Type": "application/x-ndjson"}) as response:
        assert response.status == 400
        assert (await response.json())["message"].startswith("[1]: The body is no JSON")
    async with http.post("/v1/gather", data=lines, headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 415
        assert "application/json or application/x-ndjson" in (await response.json())["message"]


async def test_how_a_stream_of_requests_fails_is_the_http_status(http):
    async with http.post("/v1/gather", json=[{"name": "a"}, {"count": -NOT_FOUND}, {"name": "c"}]) as response:
        assert (response.status, (await response.json())["message"]) == (404, "as asked")


async def test_both_sides_of_a_conversation_speak_over_a_websocket(http):
    async with http.ws_connect("/v1/talk") as socket:
        for part in PARTS:
            await socket.send_json({"name": part["name"]})
            assert (await socket.receive_json())["name"] == part["name"]


async def test_an_error_ends_a_conversation_with_its_code(http):
    async with http.ws_connect("/v1/talk") as socket:
        await socket.send_json({"count": NOT_FOUND})
        assert (await socket.receive_json())["error"]["message"] == "as asked"
        await socket.receive()
        assert socket.close_code == 4404


async def test_a_client_that_leaves_a_conversation_ends_the_call_behind(http, upstream):
    upstream.cancelled.clear()
    async with http.ws_connect("/v1/talk") as socket:
        await socket.send_json({"name": "a"})
        await socket.receive_json()
    async with asyncio.timeout(30):
        await upstream.cancelled.wait()


async def test_envoy_loses_an_error_after_the_first_message(envoy):
    url, body = f"http://127.0.0.1:{envoy.ports['array']}/v1/parts", {"parts": PARTS, "number": NOT_FOUND}
    async with aiohttp.ClientSession() as plain, plain.post(url, json=body) as response:
        assert told(await response.text(), ARRAY) == PARTS


@pytest.mark.parametrize("dialect", [NDJSON, SSE, ARRAY])
async def test_envoy_tells_a_stream_alike(http, envoy, dialect):
    port = envoy.ports[{NDJSON: "ndjson", SSE: "sse", ARRAY: "array"}[dialect]]
    async with (
        aiohttp.ClientSession() as plain,
        plain.post(f"http://127.0.0.1:{port}/v1/parts", json={"parts": PARTS}) as response,
    ):
        assert told(await response.text(), dialect) == PARTS
