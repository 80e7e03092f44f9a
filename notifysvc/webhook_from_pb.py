"""A webhook as an owner wants it, checked."""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Final

from taskbell.webhooks.v1 import webhooks_pb2 as pb

from chassis.errors import FieldViolation, InvalidField
from chassis.outgoing import http_url
from chassis.public_address import is_public
from notifysvc.event_types import EVENT_TYPES, FAMILIES
from notifysvc.webhook_store import Draft

CHANGEABLE: Final = ("url", "description", "event_types", "disabled")


def draft_of(webhook: pb.Webhook, *, allow_private: bool) -> Draft:
    """All that an owner says of it. Raises InvalidField."""
    return Draft(**read_fields(webhook, CHANGEABLE, allow_private=allow_private))


def read_fields(webhook: pb.Webhook, fields: Collection[str], *, allow_private: bool) -> Mapping[str, Any]:
    """What an owner says of these fields. Raises InvalidField, which names all that is wrong."""
    wrong: list[FieldViolation] = []
    if "url" in fields:
        wrong += _problems_of_url(webhook.url, allow_private=allow_private)
    if "event_types" in fields:
        wrong += _problems_of_types(webhook.event_types)
    if wrong:
        raise InvalidField.listing(wrong)
    values = {field: getattr(webhook, field) for field in fields}
    return {field: list(value) if field == "event_types" else value for field, value in values.items()}


def _problems_of_url(text: str, *, allow_private: bool) -> Iterable[FieldViolation]:
    try:
        host = http_url(text).host or ""
    except ValueError as error:
        return [FieldViolation("webhook.url", str(error))]
    if not allow_private and _is_private(host):
        return [FieldViolation("webhook.url", f"{host!r} must be an address of the public internet")]
    return []


def _is_private(host: str) -> bool:
    """Whether it says so by itself. Where a name leads is looked at when it is called, each time."""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return not is_public(host)


def _problems_of_types(types: Iterable[str]) -> Iterable[FieldViolation]:
    allowed = f"must be one of {', '.join((*FAMILIES, *EVENT_TYPES))}"
    return [
        FieldViolation(f"webhook.event_types[{place}]", f"{each!r} {allowed}")
        for place, each in enumerate(types)
        if each not in EVENT_TYPES and each not in FAMILIES
    ]
