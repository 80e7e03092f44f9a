import asyncio

import aiohttp
import pytest
from aiohttp import WSMsgType
from grpc import StatusCode

from chassis.errors import ServiceError
from gatewaysvc.websocket import close_code
from tests.integration.gatewaysvc.peers import GOOD


@pytest.fixture
async def browser(gateway):
    """A client that can't set headers."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as session:
        yield session


async def test_a_conversation_is_json_both_ways(browser, live):
    async with browser.ws_connect("/v1/events") as socket:
        await socket.send_json({"hello": {"token": "good"}})
        assert await socket.receive_json(timeout=5) == {"welcome": {"userId": "u1"}}
        await socket.send_json({"subscribe": {"id": "s1", "inbox": True}})
        assert await socket.receive_json(timeout=5) == {"subscribed": {"id": "s1", "head": "", "recovered": True}}
        await socket.send_json({"unsubscribe": {"id": "s1"}})
        assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE
        assert socket.close_code == 1000


async def test_the_token_may_come_in_the_header(http, asked):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_json({"subscribe": {"id": "s1"}})
        assert "subscribed" in await socket.receive_json(timeout=5)
    assert asked.authorization == "Bearer good"


async def test_a_bad_token_is_told_and_closes_with_4401(browser):
    async with browser.ws_connect("/v1/events") as socket:
        await socket.send_json({"hello": {"token": "bad"}})
        error = (await socket.receive_json(timeout=5))["error"]
        assert (error["id"], error["code"]) == ("", "TOKEN_INVALID")
        closed = await socket.receive(timeout=5)
        assert (closed.type, closed.data, closed.extra) == (WSMsgType.CLOSE, 4401, "TOKEN_INVALID")


@pytest.mark.parametrize(
    ("frame", "about", "code", "says"),
    [
        ("{", "", "MALFORMED_JSON", "column 2"),
        ("[]", "", "MALFORMED_JSON", "must be a JSON object"),
        ('{"shout": {}}', "", "UNKNOWN_FIELD", "shout"),
        ('{"subscribe": {"id": 5}}', "", "INVALID_FIELD", "subscribe.id"),
        ('{"subscribe": {"id": "a", "projekt": "x"}}', "a", "UNKNOWN_FIELD", "do you mean project"),
        ('{"subscribe": {"id": "a"}, "ack": {}}', "a", "INVALID_FIELD", "together with subscribe"),
    ],
)
async def test_a_frame_that_cannot_be_read_is_told_and_the_conversation_goes_on(http, frame, about, code, says):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_str(frame)
        error = (await socket.receive_json(timeout=5))["error"]
        assert (error["id"], error["code"]) == (about, code)
        assert says in error["message"]
        await socket.send_json({"subscribe": {"id": "s1"}})
        assert "subscribed" in await socket.receive_json(timeout=5)


async def test_binary_frames_are_refused(http):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_bytes(b"x")
        assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE
        assert socket.close_code == 1003


async def test_a_frame_that_is_too_large_is_refused(http):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_str("x" * 100_000)
        assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE
        assert socket.close_code == 1009


async def test_a_client_that_goes_ends_the_stream_behind_at_once(browser, live):
    socket = await browser.ws_connect("/v1/events")
    await socket.send_json({"hello": {"token": "good"}})
    await socket.receive_json(timeout=5)
    socket._response.connection.transport.abort()
    async with asyncio.timeout(5):
        await live.ended.wait()


async def test_a_service_that_goes_closes_with_try_again_later(http, notifysvc):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_json({"subscribe": {"id": "s1"}})
        await socket.receive_json(timeout=5)
        await notifysvc.drain(0)
        error = (await socket.receive_json(timeout=5))["error"]
        assert error["code"] in ("UNAVAILABLE", "CANCELLED")
        assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE


async def test_the_gateway_says_that_it_leaves(serving):
    async with (
        serving() as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}", headers=GOOD) as http,
        http.ws_connect("/v1/events") as socket,
    ):
        await socket.send_json({"subscribe": {"id": "s1"}})
        await socket.receive_json(timeout=5)
        draining = asyncio.create_task(gateway.drain(5))
        assert await socket.receive_json(timeout=5) == {"goingAway": {"reconnectAfterMs": 1000}}
        assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE
        assert socket.close_code == 1001
        await draining


async def test_an_upgrade_elsewhere_is_a_plain_request(http):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect("/v1/tasks")
    assert refused.value.status == 200


@pytest.mark.parametrize("kind", list(ServiceError.kinds()))
def test_every_error_has_a_close_code_that_applications_may_use(kind):
    code = close_code(kind("why"))
    assert code in (1011, 1013) or 4400 <= code < 4500
    assert (code == 1013) is (kind.code is StatusCode.UNAVAILABLE)
