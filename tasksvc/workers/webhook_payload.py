"""What the payload of a task for `webhook` says: where to send what."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yarl import URL

from chassis.service_error import shortened
from tasksvc.handlers import GiveUp

_LONGEST_URL: Final = 2048
_MOST_HEADERS: Final = 32
_LONGEST_HEADER: Final = 4096
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_FIELDS: Final = ("url", "headers", "body")
_OWN_HEADERS: Final = frozenset(
    {
        *(
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "upgrade",
            "te",
            "trailer",
            "expect",
        ),
        *("accept-encoding", "proxy-authorization", "proxy-connection"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    }
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to make."""

    url: URL
    headers: Mapping[str, str]
    body: bytes


def read_delivery(payload: Mapping[str, Any]) -> Delivery:
    """Raises GiveUp with the field's name, its value and what is allowed."""
    for name in payload:
        if name not in _FIELDS:
            raise _wrong(name, payload[name], f"is no field of a webhook: there are {', '.join(_FIELDS)}")
    if "url" not in payload:
        raise GiveUp("payload.url: is missing: must be an http or https address")
    body = json.dumps(payload.get("body", {}), ensure_ascii=False, separators=(",", ":")).encode()
    return Delivery(_url(payload["url"]), _headers(payload.get("headers")), body)


def _url(value: Any) -> URL:
    if not isinstance(value, str) or len(value) > _LONGEST_URL:
        raise _wrong("url", value, f"must be an http or https address of at most {_LONGEST_URL} characters")
    try:
        url = URL(value)
        usable = url.scheme in {"http", "https"} and bool(url.host) and bool(url.port)
    except ValueError:
        usable = False
    if not usable:
        raise _wrong("url", value, "must be an http or https address such as https://example.com/hooks/1")
    if url.user is not None or url.password is not None:
        raise GiveUp("payload.url: must not have a username or password: send an Authorization header")
    return url


def _headers(value: Any) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > _MOST_HEADERS:
        raise _wrong("headers", value, f"must be an object of at most {_MOST_HEADERS} headers")
    for name, text in value.items():
        if not _TOKEN.fullmatch(name):
            raise _wrong("headers", name, "is no name of a header")
        if name.lower() in _OWN_HEADERS:
            raise _wrong("headers", name, "is a header that Taskbell sets itself")
        if not isinstance(text, str) or len(text) > _LONGEST_HEADER or not _VALUE.fullmatch(text):
            raise _wrong(f"headers.{name}", text, f"must be up to {_LONGEST_HEADER} printable ASCII characters")
    return value


def _wrong(field: str, value: Any, problem: str) -> GiveUp:
    return GiveUp(f"payload.{field}: {shortened(repr(value), 120)} {problem}")
