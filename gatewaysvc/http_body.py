"""`google.api.HttpBody`: a request or an answer that is no JSON, but bytes with a content type of their own."""

from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gatewaysvc.routes import ALL_OF_IT, Route

_NAME: Final = "google.api.HttpBody"


class RawBodies:
    """Where one route has them."""

    def __init__(self, route: Route) -> None:
        asked = _field_of(route.method.input_type, route.body)
        answered = _field_of(route.method.output_type, route.response_body or ALL_OF_IT)
        self._asked = asked
        self._answered = answered

    @property
    def in_request(self) -> bool:
        """Whether a request's body is taken as it is."""
        return self._asked is not None

    @property
    def in_answer(self) -> bool:
        """Whether an answer goes out as it is."""
        return self._answered is not None

    def read(self, body: bytes, content_type: str, request: Any) -> None:
        """Puts the body into the message."""
        holder = getattr(request, self._asked) if self._asked else request
        holder.content_type, holder.data = content_type, body

    def write(self, response: Any) -> tuple[bytes, str]:
        """The answer's bytes, and their type."""
        holder = getattr(response, self._answered) if self._answered else response
        return holder.data, holder.content_type or "application/octet-stream"


def _field_of(message: Descriptor, body: FieldDescriptor | str) -> str | None:
    """The name of the field that is raw, or nothing for the message itself; None if neither is."""
    if isinstance(body, FieldDescriptor):
        kind = body.message_type
        return body.name if kind is not None and not body.is_repeated and kind.full_name == _NAME else None
    return "" if body == ALL_OF_IT and message.full_name == _NAME else None
