"""The page at `/docs`, where the API can be read and tried: Swagger UI's own files, from the installed package."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp.web import FileResponse
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


async def api_docs(exchange: Exchange) -> FileResponse:
    """A file of the page."""
    headers = {**exchange.headers, "Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return FileResponse(_FILES[exchange.request.rel_url.raw_path], headers=headers)
