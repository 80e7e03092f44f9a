"""The page and the JSON of the inbox over HTTP."""

import json
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from devstack.mail.inbox import Inbox, Mail
from devstack.mail.mailpit import body, details, headers, matches, parse, query_words, summary

INBOX: Final = web.AppKey("inbox", Inbox)
PAGE: Final = Path(__file__).with_name("page.html")
# A mail's HTML is a stranger's: no script runs, nothing is fetched, and it lives in an origin of its own.
FENCE: Final = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
MOST: Final = 1000
USUAL: Final = 50

routes = web.RouteTableDef()


def app(inbox: Inbox) -> web.Application:
    """The HTTP side of an inbox."""
    made = web.Application()
    made[INBOX] = inbox
    made.add_routes(routes)
    return made


@routes.get("/")
async def page(_request: web.Request) -> web.StreamResponse:
    """The page for people."""
    policy = "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return web.FileResponse(PAGE, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


@routes.get("/readyz")
@routes.get("/livez")
async def ready(_request: web.Request) -> web.Response:
    """It serves."""
    return web.Response()


@routes.get("/api/v1/messages")
@routes.get("/api/v1/search")
async def list_messages(request: web.Request) -> web.Response:
    """The mails, newest first; `query` keeps those that it finds."""
    start, limit = _number(request, "start", 0), min(_number(request, "limit", USUAL), MOST)
    words = query_words(request.query.get("query", ""))
    mails = list(request.app[INBOX].all())
    found = [mail for mail in mails if matches(mail, words)] if words else mails
    shown = found[start : start + limit]
    return web.json_response(
        {
            "total": len(mails),
            "unread": sum(not mail.read for mail in mails),
            "count": len(shown),
            "messages_count": len(found),
            "messages_unread": sum(not mail.read for mail in found),
            "start": start,
            "tags": [],
            "messages": [summary(mail) for mail in shown],
        }
    )


@routes.put("/api/v1/messages")
async def mark_messages(request: web.Request) -> web.Response:
    """Marks mails as read or unread: `{"IDs": [...], "Read": true}`, all without IDs."""
    wanted = await _json(request)
    request.app[INBOX].mark(_ids(wanted), read=bool(wanted.get("Read", False)))
    return web.Response(text="ok")


@routes.delete("/api/v1/messages")
async def delete_messages(request: web.Request) -> web.Response:
    """Deletes mails: `{"IDs": [...]}`, all without IDs."""
    request.app[INBOX].delete(_ids(await _json(request)))
    return web.Response(text="ok")


@routes.get("/api/v1/message/{id}")
async def get_message(request: web.Request) -> web.Response:
    """One mail; who gets it has read it. `latest` is the newest."""
    mail = _mail(request)
    request.app[INBOX].mark([mail.id], read=True)
    return web.json_response(details(mail) | {"Read": True})


@routes.get("/api/v1/message/{id}/headers")
async def get_headers(request: web.Request) -> web.Response:
    """The headers of a mail."""
    return web.json_response(headers(_mail(request)))


@routes.get("/api/v1/message/{id}/raw")
async def get_raw(request: web.Request) -> web.Response:
    """A mail as it came over the wire."""
    return web.Response(
        body=_mail(request).raw, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"}
    )


@routes.get("/view/{id}.html")
async def view_html(request: web.Request) -> web.Response:
    """The HTML of a mail, fenced in."""
    return web.Response(
        text=f'<base target="_blank">{body(parse(_mail(request)), "html")}',
        content_type="text/html",
        headers={"Content-Security-Policy": FENCE, "Referrer-Policy": "no-referrer"},
    )


@routes.get("/view/{id}.txt")
async def view_text(request: web.Request) -> web.Response:
    """The text of a mail."""
    return web.Response(text=body(parse(_mail(request)), "plain"), headers={"X-Content-Type-Options": "nosniff"})


def _mail(request: web.Request) -> Mail:
    mail = request.app[INBOX].get(request.match_info["id"])
    if mail is None:
        raise web.HTTPNotFound(text=json.dumps({"Error": "message not found"}), content_type="application/json")
    return mail


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        given = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise _bad(str(error)) from error
    if not isinstance(given, dict):
        raise _bad("the body is not an object")
    return given


def _ids(given: dict[str, Any]) -> list[str]:
    ids = given.get("IDs") or []
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise _bad("IDs is not a list of strings")
    return ids


def _number(request: web.Request, name: str, usual: int) -> int:
    given = request.query.get(name, "")
    if given and not given.isdecimal():
        raise _bad(f"{name} is not a number")
    return int(given) if given else usual


def _bad(problem: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"Error": problem}), content_type="application/json")
