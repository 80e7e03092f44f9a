"""Where the links lead that end e-mails (RFC 8058): a mail program posts there, and people are asked first.

A GET changes nothing, since whoever looks through mails for viruses follows their links.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import grpc.aio
from aiohttp.web import Response
from taskbell.notifications.v1.preferences_pb2 import UnsubscribeRequest
from taskbell.notifications.v1.preferences_pb2_grpc import PreferenceServiceStub

from chassis.errors import InvalidField, MessageTooLarge, MethodNotAllowed
from gatewaysvc.exchange import Exchange
from gatewaysvc.request_body import read_body
from gatewaysvc.unsubscribe_wording import WORDS, Words

if TYPE_CHECKING:  # there only in the stubs
    from taskbell.notifications.v1.preferences_pb2_grpc import PreferenceServiceAsyncStub

PATH: Final = "/unsubscribe"
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_BYTES: Final = 16 * 1024
_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color:#111827;"
    "background:#fff}button{font:inherit;padding:.5rem 1rem;margin:0 .5rem .5rem 0;border:1px solid #6b7280;"
    "border-radius:.5rem;background:none;color:inherit;cursor:pointer}a{color:#2563eb}"
    "@media(prefers-color-scheme:dark){body{color:#f9fafb;background:#111827}a{color:#93c5fd}}"
)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "Referrer-Policy": "no-referrer",  # the token is in the address
    "Cache-Control": "no-store",
}


class Unsubscribe:
    """The page."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: PreferenceServiceAsyncStub = PreferenceServiceStub(channel)
        self._page = Template(files("gatewaysvc").joinpath("unsubscribe.html").read_text("utf-8"))

    async def answer(self, exchange: Exchange) -> Response:
        """Asks, or does it."""
        request = exchange.request
        token = request.query.get("token", "")
        match request.method:
            case "GET" | "HEAD":
                return self._asking(exchange, token)
            case "POST":
                return await self._ending(exchange, token)
        raise MethodNotAllowed(f"{PATH} takes GET, HEAD, POST.", metadata={"allow": "GET, HEAD, POST"})

    def _asking(self, exchange: Exchange, token: str) -> Response:
        words = _words(exchange)
        form = (
            f'<form method="post" action="{PATH}?token={escape(token)}">'
            f'<button name="kind" value="this">{words.this_kind}</button>'
            f'<button name="kind" value="everything">{words.everything}</button></form>\n'
        )
        return self._told(exchange, words.ask, words.explain, form)

    async def _ending(self, exchange: Exchange, token: str) -> Response:
        words = _words(exchange)
        everything = "everything" in (await _form(exchange)).get("kind", ())
        try:
            await self._stub.Unsubscribe(UnsubscribeRequest(token=token, everything=everything))
        except InvalidField:
            return self._told(exchange, words.broken, words.explain_broken, status=400)
        return self._told(exchange, words.done, words.explain_done)

    def _told(self, exchange: Exchange, title: str, text: str, form: str = "", status: int = 200) -> Response:
        language = _language(exchange)
        body = self._page.substitute(
            language=language,
            style=_STYLE,
            title=title,
            text=text,
            form=form,
            preferences=WORDS[language].preferences,
        )
        headers = {**exchange.headers, **_HEADERS, "Vary": "Accept-Language"}
        return Response(status=status, text=body, headers=headers, content_type="text/html")


async def _form(exchange: Exchange) -> Mapping[str, list[str]]:
    """What a browser's form says. A mail program says nothing else than that it is one."""
    if (exchange.request.content_length or 0) > _MOST_BYTES:
        raise MessageTooLarge(f"The body is larger than {_MOST_BYTES // 1024} KiB.")
    body = await read_body(exchange.request, raw=True)
    return parse_qs(body.decode("utf-8", "replace")) if exchange.request.content_type == _FORM else {}


def _language(exchange: Exchange) -> str:
    """The first one that the reader names of those that there are."""
    for each in exchange.request.headers.get("Accept-Language", "").split(","):
        language = each.strip()[:2].lower()
        if language in WORDS:
            return language
    return "en"


def _words(exchange: Exchange) -> Words:
    return WORDS[_language(exchange)]
