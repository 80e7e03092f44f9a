"""How the page's files are served: kept for good by a browser, and with a policy that lets nothing else in."""

import re
from base64 import b64encode
from hashlib import sha256


async def test_the_document_is_asked_for_each_time_and_its_files_are_kept_for_good(http):
    async with http.get("/") as document:
        text = await document.text()
    assert (document.content_type, document.headers["Cache-Control"]) == ("text/html", "no-cache")
    paths = re.findall(r'(?:src|href)="(/assets/[^"]+)"', text)
    assert any(path.endswith("/main.js") for path in paths)
    kinds = {
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
        "webmanifest": "application/manifest+json",
    }
    for path in paths:
        async with http.get(path) as response:
            assert (response.status, response.content_type) == (200, kinds[path.rpartition(".")[2]]), path
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_a_browser_that_has_the_document_gets_no_second_copy(http):
    async with http.get("/") as document:
        etag = document.headers["ETag"]
    async with http.get("/", headers={"If-None-Match": etag}) as again:
        assert (again.status, await again.read()) == (304, b"")


async def test_a_document_of_another_release_finds_the_files_of_this_one_and_keeps_none(http):
    async with http.get("/assets/0123456789abcdef/main.js") as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "no-cache")


async def test_nothing_but_our_own_files_may_run_and_nobody_may_frame_them(http):
    async with http.get("/") as response:
        await response.text()
        policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    inline = re.findall(r"<script>(.*?)</script>", await response.text(), re.DOTALL)
    (digest,) = [b64encode(sha256(script.encode()).digest()).decode() for script in inline]
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert (policy["default-src"], policy["style-src"]) == ("'none'", "'self'")
    assert (policy["frame-ancestors"], policy["require-trusted-types-for"]) == ("'none'", "'script'")
    assert (response.headers["X-Content-Type-Options"], response.headers["Referrer-Policy"]) == (
        "nosniff",
        "no-referrer",
    )


async def test_only_files_of_the_page_are_found_there_and_only_read(http):
    for path in ("/assets/x/nothing.js", "/assets/x/../app.py", "/assets/x/%2e%2e/app.py", "/assets/x", "/assets/"):
        async with http.get(path) as response:
            assert response.status == 404, path
    async with http.post("/") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
