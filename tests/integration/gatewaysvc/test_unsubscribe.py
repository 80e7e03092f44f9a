"""The links that end e-mails, as mail programs and people follow them."""

import asyncio
from io import BytesIO

import aiohttp
import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def stranger(gateway):
    """Somebody who isn't signed in."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as session:
        yield session


async def test_a_mail_program_ends_them_with_one_click(stranger, asked):
    body = "List-Unsubscribe=One-Click"
    async with stranger.post("/unsubscribe?token=good", data=body, headers=FORM) as response:
        assert response.status == 200
    assert (asked.request.token, asked.request.everything) == ("good", False)


async def test_a_mail_program_may_say_so_in_parts(stranger, asked):
    with aiohttp.MultipartWriter("form-data") as parts:
        parts.append("One-Click", {"Content-Disposition": 'form-data; name="List-Unsubscribe"'})
    async with stranger.post("/unsubscribe?token=good", data=parts) as response:
        assert response.status == 200
    assert asked.request.token == "good"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_whoever_only_looks_changes_nothing(stranger, asked, method):
    async with stranger.request(method, "/unsubscribe?token=good") as response:
        assert (response.status, response.content_type) == (200, "text/html")
    assert asked.request is None


async def test_people_are_asked_and_choose(stranger, asked):
    async with stranger.get("/unsubscribe?token=good") as response:
        page = await response.text()
    assert '<form method="post" action="/unsubscribe?token=good">' in page
    assert 'href="/#/preferences"' in page
    async with stranger.post("/unsubscribe?token=good", data={"kind": "everything"}) as response:
        assert "It is done" in await response.text()
    assert asked.request.everything


async def test_a_form_may_come_in_pieces(gateway, asked):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = (
        "POST /unsubscribe?token=good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n"
    )
    writer.write(head.encode())
    assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"kind=ev")
    await writer.drain()
    await asyncio.sleep(0.05)  # the pieces are to come by themselves
    writer.write(b"erything")
    assert b" 200 " in (await reader.read()).splitlines()[0]
    writer.close()
    assert asked.request.everything


async def test_the_page_speaks_the_readers_language(stranger):
    async with stranger.get(
        "/unsubscribe?token=good", headers={"Accept-Language": "de, ru;q=0.8, en;q=0.5"}
    ) as response:
        page = await response.text()
    assert '<html lang="ru">' in page
    assert "Больше не присылать" in page


async def test_a_broken_link_says_so(stranger):
    for address in ("/unsubscribe?token=bad", "/unsubscribe"):
        async with stranger.post(address, data="List-Unsubscribe=One-Click", headers=FORM) as response:
            assert response.status == 400
            assert "This link doesn't work" in await response.text()


async def test_a_token_cannot_write_into_the_page(stranger):
    async with stranger.get("/unsubscribe", params={"token": '"><script>alert(1)</script>'}) as response:
        assert "<script" not in await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "form-action 'self'" in policy


async def test_other_methods_are_refused(stranger):
    async with stranger.delete("/unsubscribe?token=good") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, POST")


async def test_a_long_body_is_refused(stranger):
    async with stranger.post("/unsubscribe?token=good", data=BytesIO(b"x" * (2 << 20)), headers=FORM) as response:
        assert response.status == 413
