import asyncio
import json

import aiohttp
import pytest
from taskbell.events.v1.events_pb2 import Event

from chassis.errors import SessionEnded
from gatewaysvc import server_stream
from tests.integration.gatewaysvc.peers import GOOD

SSE = {"Accept": "text/event-stream"}


async def sse(response):
    """The next event, as its fields; comments come as `comment`."""
    fields = {}
    while line := (await response.content.readline()).decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        fields[name or "comment"] = value
    return fields


async def test_server_sent_events_have_their_cursor_type_and_data(http, live):
    async with http.get("/v1/events", headers=SSE) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert response.headers["Cache-Control"] == "no-store"
        assert await sse(response) == {"retry": "2000"}
        for number in (1, 2):
            live.events.put_nowait(Event(event_id=f"e{number}", type="task.created", cursor=f"c{number}"))
            event = await sse(response)
            assert (event["id"], event["event"]) == (f"c{number}", "task.created")
            assert json.loads(event["data"])["eventId"] == f"e{number}"
        live.events.put_nowait(None)
        assert await response.content.read() == b""


async def test_ndjson_is_an_event_a_line_for_whoever_asks_for_nothing_else(http, live):
    async with http.get("/v1/events") as response:
        assert response.content_type == "application/x-ndjson"
        live.events.put_nowait(Event(event_id="e1", changed_fields=["a\nb"]))
        live.events.put_nowait(Event(event_id="e2"))
        live.events.put_nowait(None)
        events = [json.loads(line) async for line in response.content]
    assert [event["eventId"] for event in events] == ["e1", "e2"]


async def test_headers_come_before_the_first_event(http, live):
    async with http.get("/v1/events?inbox=true&filter=status%3DFAILED") as response:
        assert response.status == 200
        assert live.begun.is_set()


async def test_what_narrows_the_stream_goes_along_and_the_last_id_wins(http, live, asked):
    async with http.get("/v1/events?inbox=true&after=c1", headers={**SSE, "Last-Event-ID": "c2"}):
        pass
    assert (asked.request.inbox, asked.request.after) == (True, "c2")


async def test_an_error_at_the_beginning_is_the_http_status(http):
    async with http.get("/v1/events?after=old", headers=SSE) as response:
        assert (response.status, response.content_type) == (400, "application/json")


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
async def test_an_error_later_is_the_last_event(http, live, accept):
    async with http.get("/v1/events", headers={"Accept": accept}) as response:
        live.events.put_nowait(SessionEnded("You logged out."))
        body = (await response.content.read()).decode()
    if accept == "text/event-stream":
        assert body.split("\n\n")[-2].startswith("event: error\ndata: ")
        status = json.loads(body.split("data: ")[-1])
    else:
        status = json.loads(body)["error"]
    assert (status["code"], status["details"][0]["reason"]) == (16, "SESSION_ENDED")


@pytest.mark.parametrize("headers", [SSE, {}])
async def test_a_client_that_goes_ends_the_stream_behind_at_once(http, live, headers):
    response = await http.get("/v1/events", headers=headers)
    await live.begun.wait()
    response.close()
    await live.ended.wait()


async def test_a_quiet_stream_shows_that_it_lives(http, live, monkeypatch):
    monkeypatch.setattr(server_stream, "KEEP_ALIVE", 0.01)
    async with http.get("/v1/events", headers=SSE) as response:
        assert await sse(response) == {"retry": "2000"}
        assert await sse(response) == {"comment": "still here"}


async def test_streams_end_when_the_gateway_leaves(serving, live):
    async with (
        serving() as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}", headers=GOOD) as http,
        http.get("/v1/events", headers=SSE) as response,
    ):
        assert response.status == 200
        async with asyncio.timeout(30):
            await gateway.drain(10)
        assert (await response.content.read()).endswith(b"\n\n")
    await live.ended.wait()


async def test_head_opens_no_stream(http, live):
    async with http.head("/v1/events", headers=SSE) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
    assert not live.begun.is_set()
