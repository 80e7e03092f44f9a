"""The development mail inbox, as a program that knows mailpit meets it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import pytest

from devstack.ports import free_port
from devstack.process import Process
from devstack.services import mail

Send = Callable[..., Awaitable[None]]


def letter(
    to: str = "Ann <ann@example.com>", subject: str = "Hello", text: str = "Some words", html: str = ""
) -> bytes:
    message = EmailMessage()
    message["From"] = "Böb <bob@example.com>"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<one@example.com>"
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0200"
    message["List-Unsubscribe"] = "<https://example.com/bye>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Process]:
    for name in ("logs", "run"):
        (tmp_path / name).mkdir()
    process = mail(tmp_path, smtp_port := free_port(), free_port())
    assert str(smtp_port) in process.command
    await process.start()
    yield process
    await process.stop()
    assert process.returncode == 0


@pytest.fixture
def send(inbox: Process) -> Send:
    port = int(inbox.command[inbox.command.index("--smtp-port") + 1])

    async def deliver(raw: bytes, *recipients: str) -> None:
        to = list(recipients) or ["ann@example.com"]
        await aiosmtplib.send(raw, sender="bounce@example.com", recipients=to, hostname="127.0.0.1", port=port)

    return deliver


@pytest.fixture
async def http(inbox: Process) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://{inbox.address}") as session:
        yield session


async def fetch(http: aiohttp.ClientSession, path: str, **query: Any) -> dict[str, Any]:
    async with http.get(f"/api/v1/{path}", params=query) as response:
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def test_a_mail_is_listed_and_read_in_mailpits_shapes(send: Send, http: aiohttp.ClientSession) -> None:
    await send(letter(html="<p>Some <b>bold</b> words</p>"), "ann@example.com", "hidden@example.com")
    page = await fetch(http, "messages")
    (listed,) = page.pop("messages")
    assert page == {
        "total": 1, "unread": 1, "count": 1, "messages_count": 1, "messages_unread": 1, "start": 0, "tags": [],
    }  # fmt: skip
    assert listed["MessageID"] == "one@example.com"
    assert listed["From"] == {"Name": "Böb", "Address": "bob@example.com"}
    assert listed["To"] == [{"Name": "Ann", "Address": "ann@example.com"}]
    assert listed["Bcc"] == [{"Name": "", "Address": "hidden@example.com"}]
    assert (listed["Subject"], listed["Snippet"], listed["Read"]) == ("Hello", "Some words", False)

    read = await fetch(http, f"message/{listed['ID']}")
    assert (read["Text"].strip(), read["HTML"].strip()) == ("Some words", "<p>Some <b>bold</b> words</p>")
    assert (read["Date"], read["ReturnPath"]) == ("2026-11-23T10:00:00+02:00", "bounce@example.com")
    assert read["ListUnsubscribe"]["Links"] == ["https://example.com/bye"]
    assert read["Attachments"] == read["Inline"] == []
    assert (await fetch(http, "messages"))["unread"] == 0
    assert (await fetch(http, f"message/{listed['ID']}/headers"))["To"] == ["Ann <ann@example.com>"]
    assert await fetch(http, "message/latest") == read


async def test_the_newest_mail_is_first_and_pages_follow(send: Send, http: aiohttp.ClientSession) -> None:
    for number in range(3):
        await send(letter(subject=f"mail {number}"))
    assert [each["Subject"] for each in (await fetch(http, "messages"))["messages"]] == ["mail 2", "mail 1", "mail 0"]
    page = await fetch(http, "messages", start=1, limit=1)
    assert ([each["Subject"] for each in page["messages"]], page["total"]) == (["mail 1"], 3)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("to:ann@example.com", ["to Ann"]),
        ("TO:ANN@example.com", ["to Ann"]),
        ("from:bob@example.com", ["to Cid", "to Ann"]),
        ('subject:"to C"', ["to Cid"]),
        ("to:cid@example.com subject:Ann", []),
        ("words", ["to Cid", "to Ann"]),
        ('"some words" to:cid', ["to Cid"]),
        ("secret:thing", []),
    ],
)
async def test_a_search_keeps_what_matches(
    send: Send, http: aiohttp.ClientSession, query: str, found: list[str]
) -> None:
    await send(letter(subject="to Ann"))
    await send(letter(to="cid@example.com", subject="to Cid"), "cid@example.com")
    for path in ("messages", "search"):
        page = await fetch(http, path, query=query)
        assert [each["Subject"] for each in page["messages"]] == found
        assert page["messages_count"] == len(found)


async def test_mails_are_deleted_one_by_one_or_all(send: Send, http: aiohttp.ClientSession) -> None:
    for number in range(3):
        await send(letter(subject=f"mail {number}"))
    first = (await fetch(http, "messages"))["messages"][0]["ID"]
    async with http.delete("/api/v1/messages", json={"IDs": [first]}) as response:
        assert await response.text() == "ok"
    assert (await fetch(http, "messages"))["total"] == 2
    async with http.delete("/api/v1/messages") as response:
        assert response.status == 200
    assert (await fetch(http, "messages"))["total"] == 0


async def test_mails_are_marked(send: Send, http: aiohttp.ClientSession) -> None:
    await send(letter())
    for read in (True, False):
        async with http.put("/api/v1/messages", json={"Read": read}) as response:
            assert response.status == 200
        assert (await fetch(http, "messages"))["messages"][0]["Read"] is read


async def test_an_accepted_mail_outlives_a_kill(send: Send, http: aiohttp.ClientSession, inbox: Process) -> None:
    await send(letter())
    await inbox.kill()
    await inbox.start()
    assert (await fetch(http, "messages"))["total"] == 1


async def test_a_mails_html_is_fenced_in(send: Send, http: aiohttp.ClientSession) -> None:
    await send(letter(html="<script>parent.location='https://example.com'</script>"))
    async with http.get("/view/latest.html") as response:
        assert "<script>" in await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    async with http.get("/") as response:
        assert "allow-scripts" not in await response.text()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"From: \xff\xfe\r\nSubject: =?nonsense?Q?x?=\r\nDate: yesterday\r\nTo: <<>>, ,\r\n\r\n\xff\x00",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nwords",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nnever closed",
        b"Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n<p>",
        b"Message-ID: <\r\nContent-Disposition: \r\nFrom: a@[\r\n\r\n",
    ],
)
async def test_a_crooked_mail_is_kept_and_shown(send: Send, http: aiohttp.ClientSession, raw: bytes) -> None:
    await send(raw)
    (listed,) = (await fetch(http, "messages"))["messages"]
    await fetch(http, f"message/{listed['ID']}")
    await fetch(http, f"message/{listed['ID']}/headers")
    assert (await fetch(http, "messages", query="to:ann@example.com"))["messages_count"] == 1
    for path in (f"/view/{listed['ID']}.html", f"/view/{listed['ID']}.txt", f"/api/v1/message/{listed['ID']}/raw"):
        async with http.get(path) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/message/unknown", "", 404),
        ("GET", "/api/v1/messages?limit=many", "", 400),
        ("DELETE", "/api/v1/messages", "[]", 400),
        ("DELETE", "/api/v1/messages", "{", 400),
        ("DELETE", "/api/v1/messages", '{"IDs": [1]}', 400),
    ],
)
async def test_a_wrong_request_is_refused(
    http: aiohttp.ClientSession, method: str, path: str, body: str, status: int
) -> None:
    async with http.request(method, path, data=body) as response:
        assert response.status == status
        assert (await response.json())["Error"]
