"""The web page: the files in web/ as they stand, without a build step.

The folder's digest is a part of every file's path (`/assets/<digest>/main.js`), and modules name each other relatively.
So a browser keeps files for good, a new release has new paths, and only the first document is asked for each time.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp.web import Response

from chassis.errors import RouteNotFound
from gatewaysvc.exchange import Exchange

_INDEX: Final = "index.html"
_FIRST: Final = "first.js"
_MAIN: Final = "main.js"
_ASSETS: Final = "/assets/"
_ROUTES: Final = {"/": "/", _ASSETS: "/assets/**"}
_CONTENT_TYPES: Final = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
# Nothing but our own files and the one script that stands in the document, and no way for a text to become markup.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'sha256-{first}'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_SECURITY: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
}
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


class Page:
    """The page's files, read once."""

    def __init__(self, folder: Traversable | None = None) -> None:
        sources = dict(_read(folder or files("gatewaysvc").joinpath("web")))
        version = _digest(*(part for name in sorted(sources) for part in (name.encode(), sources[name])))
        self._prefix = f"{_ASSETS}{version}/"
        first = sources[_FIRST]
        policy = _POLICY.format(first=b64encode(hashlib.sha256(first).digest()).decode())
        self._security = {**_SECURITY, "Content-Security-Policy": policy}
        sources[_INDEX] = self._index(sources)
        self._files = {name: _file(name, body) for name, body in sources.items()}

    def route(self, path: str) -> str | None:
        """The route of a path that belongs to the page, as the metrics name it; None for all others."""
        return _ROUTES.get(path) or (_ROUTES[_ASSETS] if path.startswith(_ASSETS) else None)

    def answer(self, exchange: Exchange) -> Response:
        """The file. Raises RouteNotFound."""
        path = exchange.request.rel_url.raw_path
        # A browser that got its document from a replica of another release gets today's files, and keeps none of them.
        name = _INDEX if path == "/" else path.removeprefix(_ASSETS).partition("/")[2]
        file = self._files.get(name)
        if file is None:
            raise RouteNotFound(f"There is no {path}.")
        headers = {**exchange.headers, **self._security, "ETag": file.etag}
        headers["Cache-Control"] = _FOR_GOOD if path.startswith(self._prefix) else _ASK_AGAIN
        if file.etag in exchange.request.headers.get("If-None-Match", ""):
            return Response(status=304, headers=headers)
        return Response(body=file.body, headers=headers, content_type=file.content_type, charset="utf-8")

    def _index(self, sources: dict[str, bytes]) -> bytes:
        """The first document, with where the files are, and all modules named: a browser fetches them at once."""
        modules = sorted(name for name in sources if name.endswith(".js") and name not in (_FIRST, _MAIN))
        preloads = "\n".join(f'<link rel="modulepreload" href="{self._prefix}{name}">' for name in modules)
        text = sources[_INDEX].decode().replace("assets/", self._prefix).replace("<!-- modules -->", preloads)
        return text.replace("/* first.js */", sources[_FIRST].decode()).encode()


def _read(folder: Traversable, above: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{above}{entry.name}/")
        elif entry.name.rpartition(".")[2] in _CONTENT_TYPES:
            yield above + entry.name, entry.read_bytes()


def _file(name: str, body: bytes) -> _File:
    return _File(body, _CONTENT_TYPES[name.rpartition(".")[2]], f'"{_digest(body)}"')


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()[:16]
