"""Connections that take more than their share: slow heads, slow bodies, too many, too much."""

import asyncio
from contextlib import AsyncExitStack, suppress

import aiohttp
import pytest

from chassis.proxies import networks
from gatewaysvc import http_server, request_body
from gatewaysvc.crowd import Crowd
from tests.integration.gatewaysvc.peers import GOOD

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def connect(gateway):
    """Opens connections: `reader, writer = await connect()`."""
    writers = []

    async def connection(port=gateway.port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    yield connection
    for writer in writers:
        writer.close()


async def ended(reader):
    """All that comes until the other side hangs up."""
    async with asyncio.timeout(30):
        return await reader.read()


async def test_a_head_that_does_not_end_is_given_up(connect, monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_PATIENCE", 0.05)
    reader, writer = await connect()
    writer.write(HEAD)
    answer = await ended(reader)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"reason":"REQUEST_TOO_SLOW"' in answer


async def test_a_head_that_trickles_is_given_up_all_the_same(connect, monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_PATIENCE", 0.05)
    reader, writer = await connect()

    async def trickle():
        writer.write(HEAD)
        while True:
            writer.write(b"X-Slow: 1\r\n")
            await asyncio.sleep(0.01)

    trickling = asyncio.create_task(trickle())
    with suppress(ConnectionResetError):  # what is still on its way then is answered so
        await ended(reader)
    trickling.cancel()


async def test_a_slow_second_request_is_given_up_as_the_first(connect, monkeypatch):
    reader, writer = await connect()
    writer.write(HEAD + b"\r\n")
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len(b'{"status": "ok"}'))
    monkeypatch.setattr(http_server, "HEAD_PATIENCE", 0.05)
    writer.write(HEAD)
    assert b" 408 " in await ended(reader)


async def test_who_connects_and_says_nothing_is_hung_up_on(connect, monkeypatch):
    monkeypatch.setattr(http_server, "KEEP_ALIVE", 0.05)
    reader, _ = await connect()
    assert await ended(reader) == b""


async def test_who_takes_its_time_between_requests_is_not_hurried(connect, monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_PATIENCE", 0.05)
    reader, writer = await connect()
    writer.write(HEAD + b"\r\n")
    await reader.readuntil(b'{"status": "ok"}')
    await asyncio.sleep(0.1)
    writer.write(HEAD + b"\r\n")
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")


async def test_a_body_that_does_not_come_is_given_up(connect, monkeypatch):
    monkeypatch.setattr(request_body, "PATIENCE", 0.05)
    reader, writer = await connect()
    writer.write(POST + b'Connection: close\r\nContent-Length: 99\r\n\r\n{"title"')
    async with asyncio.timeout(30):
        answer = await reader.readuntil(b"REQUEST_TOO_SLOW")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_one_connection_too_many_is_told_to_come_back(serving):
    async with serving(crowd=Crowd(2)) as gateway, AsyncExitStack() as stack:
        open_ones = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            stack.callback(writer.close)
            writer.write(HEAD + b"\r\n")
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            open_ones.append(writer)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        stack.callback(writer.close)
        answer = await ended(reader)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in answer
        open_ones[0].close()
        await open_ones[0].wait_closed()
        async with asyncio.timeout(30):
            while True:
                reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
                stack.callback(writer.close)
                writer.write(HEAD + b"\r\n")
                if b" 200 " in await reader.readuntil(b"\r\n\r\n"):
                    break


async def test_one_address_can_not_take_all_connections(serving):
    async with serving(crowd=Crowd(100, 2)) as gateway, AsyncExitStack() as stack:

        async def asked(host):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, local_addr=(host, 0))
            stack.callback(writer.close)
            writer.write(HEAD + b"\r\n")
            return await reader.readuntil(b"\r\n\r\n")

        for _ in range(2):
            assert b" 200 " in await asked("127.0.0.1")
        refusal = await asked("127.0.0.1")
        assert refusal.startswith(b"HTTP/1.1 429 ")
        assert b"Retry-After: 1\r\n" in refusal
        assert b" 200 " in await asked("127.0.0.2")


async def test_a_proxy_of_ours_connects_for_many(serving):
    async with serving(crowd=Crowd(100, 1), proxies=networks("127.0.0.0/8")) as gateway, AsyncExitStack() as stack:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            stack.callback(writer.close)
            writer.write(HEAD + b"\r\n")
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")


async def test_the_streams_of_one_client_behind_a_proxy_are_counted_as_its_own(serving, live):
    streams = Crowd(100, 2)
    async with (
        serving(streams=streams, proxies=networks("127.0.0.0/8")) as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}", headers=GOOD) as http,
        AsyncExitStack() as stack,
    ):

        def watching(client):
            return http.get("/v1/events", headers={"X-Forwarded-For": client})

        first = await stack.enter_async_context(watching("192.0.2.7"))
        talking = await http.ws_connect("/v1/events", headers={"X-Forwarded-For": "192.0.2.7"})
        assert first.status == 200
        async with watching("192.0.2.7") as refused:
            body = await refused.json()
            assert (refused.status, body["details"][0]["reason"]) == (429, "TOO_MANY_CONNECTIONS")
        async with (
            watching("192.0.2.8") as other,
            http.get("/v1/tasks", headers={"X-Forwarded-For": "192.0.2.7"}) as call,
        ):
            assert (other.status, call.status) == (200, 200)
        await talking.close()
        async with asyncio.timeout(20):
            while True:  # the gateway hears of it a moment later
                async with watching("192.0.2.7") as again:
                    if again.status == 200:
                        break


async def test_too_many_headers_are_refused(connect):
    reader, writer = await connect()
    writer.write(HEAD + b"".join(b"X-%d: x\r\n" % number for number in range(500)) + b"\r\n")
    answer = await ended(reader)
    assert b" 400 " in answer.splitlines()[0]
    assert b'"reason":"MALFORMED_MESSAGE"' in answer


async def test_a_compressed_body_that_unpacks_to_more_than_there_may_be_is_refused(connect):
    import gzip  # noqa: PLC0415

    packed = gzip.compress(b'"' + b"x" * 50_000_000 + b'"')
    reader, writer = await connect()
    writer.write(
        POST + b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    )
    answer = await ended(reader)
    assert answer.startswith(b"HTTP/1.1 413 ")
