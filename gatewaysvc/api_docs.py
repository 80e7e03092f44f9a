"""The page at `/docs`, where the API can be read and tried: Swagger UI's own files, from the installed package."""

import asyncio
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from typing import Final

from aiohttp.web import Response
from swagger_ui_bundle import swagger_ui_path

from gatewaysvc.exchange import Exchange

_OWN: Final = Path(str(files("gatewaysvc").joinpath("docs")))
_FILES: Final = {
    "/docs": _OWN / "index.html",
    "/docs/start.js": _OWN / "start.js",
    **{
        f"/docs/{name}": swagger_ui_path / name
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
    },
}
PATHS: Final = frozenset(_FILES)
# Nothing from elsewhere, no inline code; it calls this API, and its icons are in its style sheet.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def api_docs(exchange: Exchange) -> Response:
    """A file of the page."""
    body, etag, content_type = await asyncio.to_thread(_read, _FILES[exchange.request.rel_url.raw_path])
    headers = {**exchange.headers, "Content-Security-Policy": _POLICY, "Cache-Control": "no-cache", "ETag": etag}
    if etag in exchange.request.headers.get("If-None-Match", ""):
        return Response(status=304, headers=headers)
    return Response(body=body, headers=headers, content_type=content_type)


@cache
def _read(file: Path) -> tuple[bytes, str, str]:
    """What a file holds, its etag and its type; not before somebody asks."""
    body = file.read_bytes()
    return body, f'"{blake2b(body, digest_size=8).hexdigest()}"', guess_type(file.name)[0] or "application/octet-stream"
