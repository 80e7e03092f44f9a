import asyncio
import json
import time

import aiohttp
import pytest

from tests.integration.gatewaysvc.peers import GOOD, ID

TASK = f"/v1/tasks/{ID}"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def info(body):
    return next(detail for detail in body["details"] if detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo")


async def test_an_answer_is_the_resource_itself_with_its_etag(http):
    async with http.get(TASK) as response:
        body = await response.json()
    assert (response.status, response.content_type) == (200, "application/json")
    assert (body["title"], body["status"], body["labels"]) == ("milk", "PENDING", [])
    assert response.headers["ETag"] == '"e1"'
    assert response.headers["Cache-Control"] == "private, no-cache"


async def test_an_error_is_a_status_with_its_reason_and_the_standard_http_status(http):
    other = ID.replace("1", "2")
    async with http.get(f"/v1/tasks/{other}") as response:
        body = await response.json()
    assert response.status == 404
    assert body == {
        "code": 5,
        "message": f"There is no task {other}.",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "TASK_NOT_FOUND",
                "domain": "taskbell",
                "metadata": {},
            }
        ],
    }


async def test_the_request_id_the_trace_and_the_token_go_along(http, asked):
    async with http.get(TASK, headers={"X-Request-Id": "r-1", "traceparent": TRACE}) as response:
        assert response.headers["X-Request-Id"] == "r-1"
    assert (asked.request_id, asked.traceparent, asked.authorization) == ("r-1", TRACE, "Bearer good")


@pytest.mark.parametrize(
    ("parent", "given", "passed_on"),
    [
        (TRACE, ["congo=t61rcWkgMzE"], "congo=t61rcWkgMzE"),
        (TRACE, ["rojo=1", "congo=2, us=3"], "rojo=1,congo=2, us=3"),
        ("", ["congo=1"], ""),
        ("00-none", ["congo=1"], ""),
        (TRACE, ["congo=ж"], ""),
        (TRACE, ["congo=" + "x" * 600], ""),
    ],
)
async def test_what_tracers_say_to_each_other_goes_along_with_the_trace(http, asked, parent, given, passed_on):
    headers = [("traceparent", parent), *(("tracestate", each) for each in given)]
    async with http.get(TASK, headers=headers) as response:
        assert response.status == 200
    assert asked.tracestate == passed_on


@pytest.mark.parametrize("given", ["", "x" * 200, "ж", "a\tb"])
async def test_a_request_id_that_cannot_be_passed_on_is_replaced(http, given):
    async with http.get(TASK, headers={"X-Request-Id": given}) as response:
        assert response.status == 200
        assert len(response.headers["X-Request-Id"]) == 32


async def test_the_caller_says_how_long_it_waits(http, asked):
    async with http.get(TASK, headers={"Grpc-Timeout": "5S"}) as response:
        assert response.status == 200
    assert 0 < asked.deadline - time.monotonic() < 5.1  # gRPC rounds what it passes on
    async with http.get("/v1/tasks:search?query=x", headers={"Grpc-Timeout": "50m"}) as response:
        assert (response.status, info(await response.json())["reason"]) == (504, "DEADLINE_EXCEEDED")


async def test_a_client_that_goes_ends_its_call(http, tasksvc):
    _, servicer, _ = tasksvc
    request = asyncio.create_task(http.get("/v1/tasks:search?query=x"))
    await servicer.stuck.wait()
    request.cancel()
    async with asyncio.timeout(30):
        await servicer.cancelled.wait()


async def test_a_reader_that_has_the_answer_gets_304(http):
    for etag in ('"e1"', 'W/"e1"', '"e0", "e1"', "*"):
        async with http.get(TASK, headers={"If-None-Match": etag}) as response:
            assert (response.status, await response.read(), response.headers["ETag"]) == (304, b"", '"e1"')
    async with http.get(TASK, headers={"If-None-Match": '"e0"'}) as response:
        assert response.status == 200


async def test_if_match_guards_a_change(http, asked):
    async with http.patch(TASK, json={"title": "b"}, headers={"If-Match": '"e1"'}) as response:
        assert response.status == 200
    assert asked.request.task.etag == "e1"
    async with http.patch(TASK, json={"title": "b"}, headers={"If-Match": '"e0"'}) as response:
        assert (response.status, info(await response.json())["reason"]) == (412, "ETAG_MISMATCH")
    async with http.delete(TASK, headers={"If-Match": "e1"}) as response:
        assert response.status == 200
    assert asked.request.etag == "e1"
    async with http.post(f"{TASK}:start", headers={"If-Match": "*"}) as response:
        assert response.status == 200
    assert asked.request.etag == ""


async def test_an_idempotency_key_is_the_request_id_field(http, asked):
    for key in ("k1", '"k1"'):
        async with http.post("/v1/tasks", json={"title": "a"}, headers={"Idempotency-Key": key}) as response:
            assert response.status == 200
        assert asked.request.request_id == "k1"
    async with http.post(f"{TASK}:start", json={"requestId": "k1"}, headers={"Idempotency-Key": "k1"}) as response:
        assert response.status == 200
    async with http.post(
        "/v1/sessions", json={"username": "a", "password": "b"}, headers={"Idempotency-Key": "k"}
    ) as r:
        assert r.status == 200  # takes none, and needs none


async def test_a_patch_changes_what_its_body_names(http, asked):
    async with http.patch(TASK, json={"title": "b", "dueTime": None}) as response:
        assert response.status == 200
    assert list(asked.request.update_mask.paths) == ["title", "due_time"]


async def test_nothing_is_answered_with_an_empty_object(http):
    async with http.delete("/v1/sessions/current") as response:
        assert (response.status, await response.json()) == (200, {})


async def test_a_body_that_was_announced_is_asked_for(gateway):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nExpect: 100-continue\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 13\r\n\r\n".encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b'{"title":"a"}')
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_head_is_get_without_its_body(http):
    async with http.head(TASK) as response:
        assert (response.status, await response.read(), response.headers["ETag"]) == (200, b"", '"e1"')
    assert int(response.headers["Content-Length"]) > 100


async def test_pages_are_there_without_credentials(http):
    for path, kind in (("/", "text/html"), ("/openapi.json", "application/json"), ("/healthz", "application/json")):
        async with http.get(path, headers={"Authorization": ""}) as response:
            assert (response.status, response.content_type) == (200, kind)


async def test_options_tells_what_a_path_takes(http):
    async with http.options(TASK) as response:
        assert (response.status, response.headers["Allow"]) == (204, "DELETE, GET, HEAD, OPTIONS, PATCH")


async def test_a_bug_behind_is_told_without_its_words(http):
    async with http.get("/v1/tasks:search?query=bug") as response:
        text = await response.text()
    assert (response.status, info(json.loads(text))["reason"]) == (500, "INTERNAL")
    assert "secret" not in text


async def test_a_service_that_is_down_is_503_and_back_when_it_is_back(serving, tasksvc):
    server, _, _ = tasksvc
    async with serving() as gateway, aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http:
        async with http.get("/readyz") as response:
            assert (response.status, await response.json()) == (
                200,
                {"status": "ok", "services": {"tasksvc": "SERVING", "notifysvc": "SERVING"}},
            )
        await server.drain(0)
        async with http.get("/readyz") as response:
            assert (response.status, (await response.json())["services"]["tasksvc"]) == (503, "UNREACHABLE")
        async with http.get(TASK) as response:
            body = await response.json()
            assert (response.status, info(body)["reason"]) == (503, "UNAVAILABLE")
            assert response.headers["Retry-After"] == "1"
            assert "127.0.0.1" not in body["message"]
        async with http.get("/healthz") as response:
            assert response.status == 200


async def test_only_named_origins_may_call_from_a_browser(serving):
    async with (
        serving(cors_origins="https://a.example, https://b.example") as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http,
    ):
        preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "PATCH"}
        async with http.options(TASK, headers=preflight) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
            assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
            assert "If-Match" in response.headers["Access-Control-Allow-Headers"]
        async with http.get(TASK, headers={"Origin": "https://b.example"}) as response:
            assert response.status == 401
            assert response.headers["Access-Control-Allow-Origin"] == "https://b.example"
        async with http.get(TASK, headers={"Origin": "https://evil.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
            assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origins", ["*", "https://a.example"])
async def test_a_page_of_another_origin_never_calls_with_cookies(serving, origins):
    async with (
        serving(cors_origins=origins) as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http,
    ):
        for method in ("GET", "OPTIONS"):
            async with http.request(method, TASK, headers={"Origin": "https://a.example"}) as response:
                assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
                assert "Access-Control-Allow-Credentials" not in response.headers


async def test_without_origins_in_the_settings_no_page_may_call(http):
    async with http.get(TASK, headers={"Origin": "https://a.example"}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("path", [TASK, "/v1/nothing", "/openapi.json", "/healthz"])
async def test_an_answer_says_that_it_is_data_and_no_page(http, path):
    async with http.get(path) as response:
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert response.headers["Server"] == "Taskbell"


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_page_runs_no_inline_code(http, path):
    async with http.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


async def test_requests_in_flight_finish_when_the_gateway_leaves(serving, tasksvc):
    _, servicer, _ = tasksvc
    async with serving() as gateway:
        url = f"http://127.0.0.1:{gateway.port}"
        async with aiohttp.ClientSession(url, headers=GOOD) as http:
            slow = asyncio.create_task(http.get("/v1/tasks:search?query=x", headers={"Grpc-Timeout": "300m"}))
            await servicer.stuck.wait()
            await gateway.drain(5)
            assert (await slow).status == 504
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.get(TASK)
