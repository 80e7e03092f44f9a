"""What the payload of a task for `webhook` says: where to send what."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yarl import URL

from chassis.outgoing import http_url
from chassis.service_error import shortened
from tasksvc.handlers import GiveUp

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
    try:
        return http_url(value)
    except ValueError as error:
        raise GiveUp(f"payload.url: {error}") from None


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
