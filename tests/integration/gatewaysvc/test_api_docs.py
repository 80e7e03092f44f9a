import re

import pytest


async def test_the_page_about_the_api_is_made_of_files_that_we_serve(http):
    async with http.get("/docs", headers={"Authorization": ""}) as response:
        page = await response.text()
    assert (response.status, response.content_type) == (200, "text/html")
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {"/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"} <= set(linked)
    for path in linked:
        async with http.get(path, headers={"Authorization": ""}) as file:
            assert (file.status, bool(await file.read())) == (200, True), path


async def test_the_page_about_the_api_runs_nothing_from_elsewhere_and_no_inline_code(http):
    async with http.get("/docs") as response:
        policy = dict(each.split(" ", 1) for each in response.headers["Content-Security-Policy"].split("; "))
        page = await response.text()
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not re.search(r"<style|style=|<script>|\son\w+=|https?://", page)


async def test_a_browser_keeps_the_files_until_they_change(http):
    async with http.get("/docs/swagger-ui.css") as response:
        etag = response.headers["ETag"]
    async with http.get("/docs/swagger-ui.css", headers={"If-None-Match": etag}) as response:
        assert (response.status, await response.read()) == (304, b"")


@pytest.mark.parametrize("path", ["/docs/", "/docs/nothing.js", "/docs/../app.py", "/docs/%2e%2e/app.py"])
async def test_no_other_file_can_be_had(http, path):
    async with http.get(path) as response:
        assert response.status == 404
