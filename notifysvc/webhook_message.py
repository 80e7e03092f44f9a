"""What a webhook is sent, after Standard Webhooks: the event as JSON, and what signs it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from google.protobuf.json_format import MessageToDict
from taskbell.events.v1.events_pb2 import Event

from chassis.webhook_secrets import WebhookSecrets

TEST: Final = "webhook.test"


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook as far as a message is concerned."""

    webhook_id: UUID
    secret_number: int
    former_signs: bool
    """Whether the secret before signs, too."""

    @property
    def secrets(self) -> list[bytes]:
        """The names of the secrets that sign for it, the current one first."""
        former = [self.secret_number - 1] if self.former_signs else []
        return [secret_name(self.webhook_id, number) for number in (self.secret_number, *former)]


def secret_name(webhook_id: UUID, number: int) -> bytes:
    """Which of the secrets of webhooks is this one's."""
    return b"endpoint " + webhook_id.bytes + number.to_bytes(4)


def message_of(event: Event) -> bytes:
    """The body: type, time, and the event as REST tells it. The same event always makes the same."""
    told: dict[str, Any] = MessageToDict(event, always_print_fields_with_no_presence=True)
    for ours in ("traceparent", "transition", "destinationId"):
        told.pop(ours, None)
    body = {"type": event.type, "timestamp": event.time.ToJsonString(), "data": told}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(target: Target, event_id: str, body: bytes, secrets: WebhookSecrets) -> Mapping[str, str]:
    """The headers of one attempt, signed at this moment. The id is the event's, in each attempt."""
    signed = secrets.headers(target.secrets, event_id, int(time.time()), body)
    return {"Content-Type": "application/json", **signed}
