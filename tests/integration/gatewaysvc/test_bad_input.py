"""Every bad input is told what is wrong with it; none is a 500."""

import asyncio
import io

import pytest
from yarl import URL

from tests.integration.gatewaysvc.peers import ID

TASK = f"/v1/tasks/{ID}"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("line", "body", "headers", "status", "reason", "says"),
    [
        ("GET /nothing", None, {}, 404, "ROUTE_NOT_FOUND", "/nothing"),
        ("GET /v1/tasks/", None, {}, 404, "ROUTE_NOT_FOUND", "last slash"),
        (f"POST {TASK}:nosuch", None, {}, 404, "ROUTE_NOT_FOUND", ":start"),
        ("GET //v1/tasks", None, {}, 404, "ROUTE_NOT_FOUND", ""),
        ("PUT /v1/tasks", b"{}", {}, 405, "METHOD_NOT_ALLOWED", "POST"),
        ("POST /", b"{}", {}, 405, "METHOD_NOT_ALLOWED", "GET"),
        ("TRACE /v1/tasks", None, {}, 405, "METHOD_NOT_ALLOWED", "TRACE"),
        ("GET /v1/tasks/%zz", None, {}, 400, "INVALID_FIELD", "%zz"),
        ("GET /v1/tasks/%ff", None, {}, 400, "INVALID_FIELD", "%ff"),
        ("GET /v1/tasks/42", None, {}, 400, "INVALID_FIELD", "42"),
        ("GET /v1/tasks?pageSize=x", None, {}, 400, "INVALID_FIELD", "pageSize"),
        ("GET /v1/tasks?pageSize=-1", None, {}, 400, "INVALID_FIELD", "page_size"),
        ("GET /v1/tasks?colour=red", None, {}, 400, "UNKNOWN_FIELD", "colour"),
        ("GET /v1/tasks?access_token=x", None, {}, 400, "UNKNOWN_FIELD", "Authorization"),
        (f"GET {TASK}", b'{"a": 1}', JSON, 400, "UNKNOWN_FIELD", "no body"),
        ("POST /v1/tasks", b"{", JSON, 400, "MALFORMED_JSON", "column 2"),
        ("POST /v1/tasks", b"\xff", JSON, 400, "MALFORMED_JSON", "UTF-8"),
        ("POST /v1/tasks", b"[1]", JSON, 400, "MALFORMED_JSON", "[1]"),
        ("POST /v1/tasks", b"[" * 200_000, JSON, 400, "MALFORMED_JSON", "deep"),
        ("POST /v1/tasks", b'{"title": 5}', JSON, 400, "INVALID_FIELD", "title"),
        ("POST /v1/tasks", b'{"title": "%s"}' % (b"x" * 501), JSON, 400, "INVALID_FIELD", "title"),
        ("POST /v1/tasks", b'{"priority": "SOON"}', JSON, 400, "INVALID_FIELD", "URGENT"),
        ("POST /v1/tasks", b'{"titel": "a"}', JSON, 400, "UNKNOWN_FIELD", "title"),
        ("POST /v1/tasks", b'{"maxAttempts": "1e99999999999999999999"}', JSON, 400, "INVALID_FIELD", "maxAttempts"),
        ("POST /v1/tasks", b"title=a", {"Content-Type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE", "text/plain"),
        ("POST /v1/tasks", b"{}", {"Content-Type": "application/json; charset=cp1251"}, 415, "UNSUPPORTED_MEDIA_TYPE",
         "cp1251"),
        ("POST /v1/tasks", b"{}", {**JSON, "Content-Encoding": "gzip"}, 400, "MALFORMED_MESSAGE", "gzip"),
        ("POST /v1/tasks", b"{}", {**JSON, "Content-Encoding": "deflate"}, 400, "MALFORMED_MESSAGE", "deflate"),
        ("POST /v1/tasks", b"{}", {**JSON, "Content-Encoding": "br"}, 400, "MALFORMED_MESSAGE", "br"),
        ("POST /v1/tasks", b"{}", {**JSON, "Content-Encoding": "zstd"}, 400, "MALFORMED_MESSAGE", "zstd"),
        ("POST /v1/tasks", b"{}", {**JSON, "Content-Encoding": "lzma"}, 415, "UNSUPPORTED_MEDIA_TYPE", "gzip, deflate"),
        ("POST /v1/tasks", io.BytesIO(b'"' + b"x" * 4_300_000 + b'"'), JSON, 413, "MESSAGE_TOO_LARGE", "4 MiB"),
        ("POST /v1/tasks", io.BytesIO(b'{"payload":{"a":[' + b"1," * 600_000 + b"1]}}"), JSON, 413, "MESSAGE_TOO_LARGE",
         "gRPC"),
        ("POST /v1/tasks", b'{"title":"a"}', {**JSON, "Idempotency-Key": "k" * 65}, 400, "INVALID_FIELD", "request_id"),
        (f"POST {TASK}:start", b'{"requestId":"a"}', {**JSON, "Idempotency-Key": "b"}, 400, "INVALID_FIELD",
         "Idempotency-Key"),
        (f"PATCH {TASK}", b'{"etag":"a"}', {**JSON, "If-Match": '"b"'}, 400, "INVALID_FIELD", "If-Match"),
        (f"PATCH {TASK}", b"{}", {**JSON, "If-Match": '"a", "b"'}, 400, "INVALID_FIELD", "one etag"),
        (f"PATCH {TASK}", b"{}", {**JSON, "If-Match": '"b"'}, 412, "ETAG_MISMATCH", ""),
        ("POST /v1/tasks", b'{"title":"a"}', {**JSON, "If-Match": '"b"'}, 400, "INVALID_FIELD", "has no etag"),
        (f"GET {TASK}", None, {"Grpc-Timeout": "soon"}, 400, "INVALID_FIELD", "Grpc-Timeout"),
        (f"GET {TASK}", None, {"Grpc-Timeout": "0S"}, 504, "DEADLINE_EXCEEDED", ""),
        (f"GET {TASK}", None, {"Authorization": ""}, 401, "CREDENTIALS_MISSING", "Bearer"),
        (f"GET {TASK}", None, {"Authorization": "Basic dTpw"}, 401, "CREDENTIALS_MISSING", "Bearer"),
        (f"GET {TASK}", None, {"Authorization": "Bearer bad"}, 401, "TOKEN_INVALID", ""),
        (f"GET {TASK}", None, {"Authorization": "Bearer ж"}, 401, "TOKEN_INVALID", "ASCII"),
        (f"GET {TASK}", None, {"Authorization": "Service 0123456789abcdef"}, 401, "TOKEN_INVALID", "service key"),
        ("GET /v1/projects", None, {}, 501, "METHOD_NOT_IMPLEMENTED", ""),
        ("GET /v1/events?after=old", None, {}, 400, "CURSOR_TOO_OLD", "no longer kept"),
        ("GET /v1/events?project=x", None, {}, 400, "INVALID_FIELD", "project"),
        ("GET /v1/events?colour=x", None, {"Accept": "text/event-stream"}, 400, "UNKNOWN_FIELD", "colour"),
        ("GET /v1/events", None, {"Authorization": "Bearer bad"}, 401, "TOKEN_INVALID", ""),
    ],
)  # fmt: skip
async def test_bad_input_is_told_what_is_wrong(gateway, http, line, body, headers, status, reason, says):
    method, target = line.split()
    url = URL(f"http://127.0.0.1:{gateway.port}{target}", encoded=True)
    async with http.request(method, url, data=body, headers=headers) as response:
        answer = await response.json()
    [info] = [each for each in answer["details"] if each["@type"].endswith("google.rpc.ErrorInfo")]
    assert (response.status, info["reason"], info["domain"]) == (status, reason, "taskbell"), answer
    assert says in answer["message"]
    if status == 405:
        assert response.headers["Allow"]
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 10_000 + b"\r\n\r\n",
        b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_http_is_refused_in_json(gateway, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(sent)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert b'"reason":"MALFORMED_MESSAGE"' in body


async def test_a_body_that_breaks_off_is_nobodys_crash(gateway, http):
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    await writer.drain()
    writer.close()
    async with http.get(TASK) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "target",
    [
        b"/\xff",
        b"/v1/tasks/\xff",
        "/v1/задачи".encode(),
        b"/v1/tasks?filter=\xff",
        b"/v1/tasks?\xff=1",
        b"/v1/tasks:\xff",
    ],
)
async def test_a_target_that_is_not_encoded_is_no_crash(gateway, target):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.splitlines()[0].split()[1] in (b"400", b"404"), answer
    assert b'"reason":' in answer


@pytest.mark.parametrize(
    "name",
    [
        b"X-Request-Id",
        b"Authorization",
        b"Idempotency-Key",
        b"If-Match",
        b"traceparent",
        b"tracestate",
        b"Grpc-Timeout",
        b"Content-Type",
        b"Content-Encoding",
        b"Origin",
        b"Accept",
    ],
)
@pytest.mark.parametrize("value", [b"\xff", "ж".encode(), b"", b"'", b'"', b"\x00"])
async def test_a_strange_header_is_no_crash(gateway, name, value):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = [b"POST /v1/tasks HTTP/1.1", b"Host: x", b"Connection: close", b"Content-Length: 13", name + b": " + value]
    if name != b"Authorization":
        head.append(b"Authorization: Bearer good")
    writer.write(b"\r\n".join(head) + b'\r\n\r\n{"title":"a"}')
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert int(answer.splitlines()[0].split()[1]) < 500, answer
