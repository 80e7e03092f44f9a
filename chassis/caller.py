"""Who makes the call at hand, and which call it is.

Set by the server for each call, and seen by everything that the call awaits.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from chassis.errors import CredentialsMissing


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, through a session or an API token; or another of our services."""

    user_id: str
    session_id: str = ""
    token_id: str = ""
    scopes: frozenset[str] | None = None
    """What an API token may do; None is everything (a session)."""
    service: bool = False


@dataclass(slots=True)
class Call:
    """What is known of the call at hand. One object, so that a call costs one context variable."""

    request_id: str = ""
    traceparent: str = ""
    authorization: str = ""
    """As it came in the metadata: forwarded to other services."""
    deadline: float | None = None
    """When the caller stops waiting, by `time.monotonic()`."""
    caller: Caller | None = None
    request: object = None
    """What is asked, as soon as it is parsed; nobody has checked it yet. Unary calls only."""
    tracestate: str = ""
    """What those who trace say to each other; goes along with `traceparent`."""


REQUEST_ID: Final = "x-request-id"
"""The metadata key, and header, of a call's id."""
_LONGEST_ID = 128
_LONGEST_TRACESTATE: Final = 512
"""As much as the standard wants to be passed on."""
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NONE = Call()
current_call: ContextVar[Call] = ContextVar("current_call", default=_NONE)


def caller() -> Caller:
    """Who makes this call. Raises CredentialsMissing for an anonymous one."""
    known = current_call.get().caller
    if known is None:
        raise CredentialsMissing("This call needs a signed-in user: send `authorization: Bearer <token>`.")
    return known


def request_id() -> str:
    """The id that ties the logs of all services together; empty outside of a call."""
    return current_call.get().request_id


def traceparent() -> str:
    """The W3C trace context of this call; empty when nobody traces it."""
    return current_call.get().traceparent


def authorization() -> str:
    """The credentials as the caller sent them; empty when none came."""
    return current_call.get().authorization


def take_authorization() -> str:
    """The same, which is then kept by the taker alone: of thousands of streams, each copy counts."""
    call = current_call.get()
    taken, call.authorization = call.authorization, ""
    return taken


def accepted_request_id(given: str) -> str:
    """The id that the client gave its call if it can stand in logs and metadata, else a new one."""
    if 0 < len(given) <= _LONGEST_ID and given.isascii() and given.isprintable():
        return given
    return token_hex(16)


def accepted_traceparent(given: str) -> str:
    """The trace context that the client gave its call, if it is one."""
    return given if _TRACEPARENT.fullmatch(given) else ""


def accepted_tracestate(given: Iterable[str], traceparent: str) -> str:
    """What came beside an accepted trace context, in one piece; nothing, if it can't stand in metadata."""
    joined = ",".join(given) if traceparent else ""
    return joined if len(joined) <= _LONGEST_TRACESTATE and joined.isascii() and joined.isprintable() else ""


@contextmanager
def as_call(call: Call) -> Iterator[None]:
    """Makes the block a part of this call: its logs carry the request id, its own calls the credentials."""
    before = current_call.set(call)
    try:
        yield
    finally:
        current_call.reset(before)
