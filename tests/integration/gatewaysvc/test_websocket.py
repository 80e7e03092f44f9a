import asyncio
import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType
from grpc import StatusCode
from taskbell.notifications.v1.notifications_pb2 import ConnectRequest, ConnectResponse, Hello, Welcome

from chassis.errors import ServiceError
from gatewaysvc.websocket import close_code
from tests.integration.gatewaysvc.peers import GOOD

JSON, PROTO = "taskbell.v1+json", "taskbell.v1+proto"


@pytest.fixture
async def browser(gateway):
    """A client that can't set headers."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as session:
        yield session


async def test_a_conversation_is_json_both_ways(browser, live):
    async with browser.ws_connect("/v1/events") as socket:
        await socket.send_json({"hello": {"token": "good"}})
        assert await socket.receive_json(timeout=30) == {"welcome": {"userId": "u1"}}
        await socket.send_json({"subscribe": {"id": "s1", "inbox": True}})
        assert await socket.receive_json(timeout=30) == {"subscribed": {"id": "s1", "head": "", "recovered": True}}
        await socket.send_json({"unsubscribe": {"id": "s1"}})
        assert (await socket.receive(timeout=30)).type is WSMsgType.CLOSE
        assert socket.close_code == 1000


async def test_the_token_may_come_in_the_header(http, asked):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_json({"subscribe": {"id": "s1"}})
        assert "subscribed" in await socket.receive_json(timeout=30)
    assert asked.authorization == "Bearer good"


async def test_a_bad_token_is_told_and_closes_with_4401(browser):
    async with browser.ws_connect("/v1/events") as socket:
        await socket.send_json({"hello": {"token": "bad"}})
        error = (await socket.receive_json(timeout=30))["error"]
        assert (error["id"], error["code"]) == ("", "TOKEN_INVALID")
        closed = await socket.receive(timeout=30)
        assert (closed.type, closed.data, closed.extra) == (WSMsgType.CLOSE, 4401, "TOKEN_INVALID")


@pytest.mark.parametrize(
    ("frame", "about", "code", "says"),
    [
        ("{", "", "MALFORMED_JSON", "column 2"),
        ("[]", "", "MALFORMED_JSON", "must be a JSON object"),
        ('{"shout": {}}', "", "UNKNOWN_FIELD", "shout"),
        ('{"subscribe": {"id": 5}}', "", "INVALID_FIELD", "subscribe.id"),
        ('{"subscribe": {"id": "\\ud800"}}', "?", "INVALID_FIELD", "surrogate"),
        ('{"subscribe": {"id": "a", "projekt": "x"}}', "a", "UNKNOWN_FIELD", "do you mean project"),
        ('{"subscribe": {"id": "a"}, "ack": {}}', "a", "INVALID_FIELD", "together with subscribe"),
    ],
)
async def test_a_frame_that_cannot_be_read_is_told_and_the_conversation_goes_on(http, frame, about, code, says):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_str(frame)
        error = (await socket.receive_json(timeout=30))["error"]
        assert (error["id"], error["code"]) == (about, code)
        assert says in error["message"]
        await socket.send_json({"subscribe": {"id": "s1"}})
        assert "subscribed" in await socket.receive_json(timeout=30)


@pytest.mark.parametrize(("protocol", "send"), [(JSON, "send_bytes"), (PROTO, "send_str")])
async def test_a_frame_of_the_other_dialect_closes_with_1003(http, protocol, send):
    async with http.ws_connect("/v1/events", protocols=[protocol]) as socket:
        assert socket.protocol == protocol
        await getattr(socket, send)(b"x" if send == "send_bytes" else "x")
        assert (await socket.receive(timeout=30)).type is WSMsgType.CLOSE
        assert socket.close_code == 1003


async def test_a_conversation_is_protobuf_both_ways_for_whoever_chooses_it(browser, live):
    async with browser.ws_connect("/v1/events", protocols=["other", PROTO, JSON]) as socket:
        assert socket.protocol == PROTO
        await socket.send_bytes(ConnectRequest(hello=Hello(token="good")).SerializeToString())
        heard = ConnectResponse.FromString(await socket.receive_bytes(timeout=30))
        assert heard == ConnectResponse(welcome=Welcome(user_id="u1"))
        await socket.send_bytes(ConnectRequest(hello=Hello(token="bad")).SerializeToString())
        heard = ConnectResponse.FromString(await socket.receive_bytes(timeout=30))
        assert heard.error.code == "TOKEN_INVALID"
        assert (await socket.receive(timeout=30)).type is WSMsgType.CLOSE
        assert socket.close_code == 4401


async def test_a_dialect_that_nobody_speaks_is_refused_before_the_conversation(browser):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await browser.ws_connect("/v1/events", protocols=["graphql-ws"])
    assert refused.value.status == 400


@pytest.mark.parametrize("path", ["/v1/events?ticket=t-1", "/v1/events?inbox=true&ticket=t-1"])
async def test_a_ticket_in_the_url_opens_a_stream_for_whoever_cannot_send_headers(browser, asked, live, path):
    if "inbox" in path:
        async with browser.get(path, headers={"Accept": "text/event-stream"}) as response:
            assert response.status == 200
            assert asked.request.inbox
    else:
        async with browser.ws_connect(path) as socket:
            await socket.send_json({"subscribe": {"id": "s1"}})
            assert "subscribed" in await socket.receive_json(timeout=30)
    assert asked.authorization == "Ticket t-1"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("ticket=a&ticket=b", {}, 400),
        ("ticket=a", GOOD, 400),
        ("ticket=%00", {}, 401),
        ("ticket=", {}, 401),
        ("token=a", {}, 400),
        ("project=a", {}, 400),
    ],
)
async def test_a_url_that_no_stream_takes_is_refused_before_the_conversation(browser, query, headers, status):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await browser.ws_connect(f"/v1/events?{query}", headers=headers)
    assert refused.value.status == status


async def test_a_frame_that_is_too_large_is_refused(http):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_str("x" * 300_000)
        assert (await socket.receive(timeout=30)).type is WSMsgType.CLOSE
        assert socket.close_code == 1009


async def test_a_client_that_goes_ends_the_stream_behind_at_once(browser, live):
    socket = await browser.ws_connect("/v1/events")
    await socket.send_json({"hello": {"token": "good"}})
    await socket.receive_json(timeout=30)
    socket._response.connection.transport.abort()
    async with asyncio.timeout(30):
        await live.ended.wait()


async def test_a_service_that_goes_closes_with_try_again_later(http, notifysvc):
    async with http.ws_connect("/v1/events") as socket:
        await socket.send_json({"subscribe": {"id": "s1"}})
        await socket.receive_json(timeout=30)
        await notifysvc.drain(0)
        error = (await socket.receive_json(timeout=30))["error"]
        assert error["code"] in ("UNAVAILABLE", "CANCELLED")
        assert (await socket.receive(timeout=30)).type is WSMsgType.CLOSE


async def test_the_gateway_says_that_it_leaves(serving):
    async with (
        serving() as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}", headers=GOOD) as http,
        http.ws_connect("/v1/events") as socket,
    ):
        await socket.send_json({"subscribe": {"id": "s1"}})
        await socket.receive_json(timeout=30)
        draining = asyncio.create_task(gateway.drain(5))
        assert await socket.receive_json(timeout=30) == {"goingAway": {"reconnectAfterMs": 1000}}
        assert (await socket.receive(timeout=30)).type is WSMsgType.CLOSE
        assert socket.close_code == 1001
        await draining


async def test_an_upgrade_elsewhere_is_a_plain_request(http):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect("/v1/tasks")
    assert refused.value.status == 200


@pytest.mark.parametrize("kind", list(ServiceError.kinds()))
def test_every_error_has_the_close_code_that_the_documentation_names(kind):
    table = dict(re.findall(r"^\| ([A-Z_]+) \| (\d+) \|$", Path("docs/protocol.md").read_text(), re.MULTILINE))
    assert set(table) == {code.name for code in StatusCode}
    code = close_code(kind("why"))
    assert code == (4000 + kind.http if kind.http and kind.http < 500 else int(table[kind.code.name]))
    assert code in (1011, 1013) or 4400 <= code < 4500
