"""One HTTP request on its way through: what it brought, and what its answer will carry whatever it is."""

import re
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp.web import BaseRequest

from chassis.caller import REQUEST_ID, Call, accepted_request_id, accepted_traceparent, accepted_tracestate
from chassis.errors import DeadlineExceeded, InvalidField, TokenInvalid

NAME: Final = "Taskbell"
"""What we call ourselves; which library we run on is nobody's business."""
# An answer is data: no browser is to show it as a page, run it, or give it to a page that may not read it.
_SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)
_UNITS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


@dataclass(slots=True)
class Exchange:
    """A request, the call that it becomes, and the headers of its answer."""

    request: BaseRequest
    call: Call
    headers: dict[str, str] = field(default_factory=dict)
    everybodys: bool = False
    """Whether the answer is the same for all."""
    route: str = "none"
    """The template of its path, for the metrics."""


def add_vary(headers: MutableMapping[str, str], name: str) -> None:
    """Tells caches that the answer depends on a request's header."""
    before = headers.get("Vary")
    headers["Vary"] = f"{before}, {name}" if before else name


def opened(request: BaseRequest) -> Exchange:
    """The exchange, with an id that ties together the logs of all services."""
    request_id = accepted_request_id(request.headers.get(REQUEST_ID, ""))
    traceparent = accepted_traceparent(request.headers.get("traceparent", ""))
    tracestate = accepted_tracestate(request.headers.getall("tracestate", ()), traceparent)
    call = Call(request_id, traceparent, tracestate=tracestate)
    return Exchange(request, call, {"X-Request-Id": request_id, **_SAFE, "Server": NAME})


def read_credentials(exchange: Exchange) -> None:
    """Takes the caller's credentials over. Who it is, the services find out."""
    given = exchange.request.headers.get("Authorization", "")
    if not (given.isascii() and given.isprintable()):
        raise TokenInvalid("The Authorization header must be `Bearer <token>`, in ASCII.")
    if given[:8].lower() == "service ":
        raise TokenInvalid("The service key is for Taskbell's own services; they don't come this way.")
    exchange.call.authorization = given


def read_deadline(exchange: Exchange) -> None:
    """Takes over how long the caller waits, if it says so (`Grpc-Timeout: 500m`)."""
    given = exchange.request.headers.get("Grpc-Timeout")
    if given is None:
        return
    found = _TIMEOUT.fullmatch(given)
    if found is None:
        raise InvalidField.named("Grpc-Timeout", given, "must be up to 8 digits and one of H M S m u n, such as 500m")
    seconds = int(found[1]) * _UNITS[found[2]]
    if not seconds:
        raise DeadlineExceeded("The caller waits no time at all.")
    exchange.call.deadline = time.monotonic() + seconds
