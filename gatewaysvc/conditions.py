"""HTTP's own headers for what gRPC has as fields: `Idempotency-Key`, `If-Match`, and `ETag` with `If-None-Match`."""

import re
from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.errors import InvalidField
from gatewaysvc.routes import Route

_ETAG: Final = re.compile(r'(?:W/)?"([^"]*)"|([^",\s]+)')
_CHANGES: Final = frozenset(("PATCH", "PUT"))


class Conditions:
    """The headers that one route takes."""

    def __init__(self, route: Route) -> None:
        request = route.method.input_type
        self._takes_key = _has_text(request, "request_id")
        body = route.body if isinstance(route.body, FieldDescriptor) and route.http_method in _CHANGES else None
        self._etag_in: tuple[str, ...] | None = None
        if _has_text(request, "etag"):
            self._etag_in = ()
        elif body is not None and body.message_type is not None and _has_text(body.message_type, "etag"):
            self._etag_in = (body.name,)
        self._reads = route.http_method == "GET"
        self._tells_etag = _has_text(route.method.output_type, "etag")

    def apply(self, headers: Mapping[str, str], request: Message) -> None:
        """Writes the headers into the fields. Raises InvalidField if they say something else than the body."""
        key = headers.get("Idempotency-Key")
        if key is not None and self._takes_key:
            _agree(request, "request_id", key.strip().strip('"'), "Idempotency-Key")
        match = headers.get("If-Match")
        if match is not None and not self._reads and match.strip() != "*":
            self._apply_match(match, request)

    def etag(self, response: Any) -> str:
        """The header `ETag` of an answer, or nothing."""
        return f'"{response.etag}"' if self._tells_etag and response.etag else ""

    def unchanged(self, headers: Mapping[str, str], etag: str) -> bool:
        """Whether a reader already has this answer."""
        given = headers.get("If-None-Match")
        return bool(given and etag and self._reads) and (given == "*" or etag.strip('"') in _etags(given or ""))

    def _apply_match(self, match: str, request: Message) -> None:
        if self._etag_in is None:
            raise InvalidField.named("If-Match", match, "can't be kept: this method has no etag")
        etags = _etags(match)
        if len(etags) != 1:
            raise InvalidField.named("If-Match", match, 'must be one etag, such as "abc"')
        holder: Any = request
        for name in self._etag_in:
            holder = getattr(holder, name)
        _agree(holder, "etag", etags[0], "If-Match")


def _etags(header: str) -> list[str]:
    return [quoted or bare for quoted, bare in _ETAG.findall(header)]


def _agree(message: Message, name: str, value: str, header: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidField.named(header, value, "must be UTF-8") from None
    before = getattr(message, name)
    if before not in ("", value):
        raise InvalidField.named(name, before, f"in the request is not {value!r} in the header {header}")
    setattr(message, name, value)


def _has_text(message: Descriptor, name: str) -> bool:
    known = message.fields_by_name.get(name)
    return known is not None and known.type == FieldDescriptor.TYPE_STRING and not known.is_repeated
