"""Webhooks and their deliveries as they go out."""

from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.webhooks.v1 import webhooks_pb2 as pb

from notifysvc.webhook_store import Webhook


def webhook_to_pb(webhook: Webhook) -> pb.Webhook:
    """A webhook without its secret."""
    return pb.Webhook(
        id=str(webhook.id),
        project_id=str(webhook.project_id),
        url=webhook.url,
        description=webhook.description,
        event_types=webhook.event_types,
        disabled=webhook.disabled,
        pause_time=_time(webhook.pause_time),
        failing_since_time=_time(webhook.failing_since_time),
        former_secret_expire_time=_time(webhook.former_secret_expire_time),
        create_time=_time(webhook.create_time),
        update_time=_time(webhook.update_time),
        etag=webhook.etag,
    )


def delivery_to_pb(row: Any) -> pb.Delivery:
    """What a webhook was to be sent."""
    return pb.Delivery(
        id=str(row["id"]),
        webhook_id=str(row["webhook_id"]),
        event_id=str(row["event_id"]),
        event_type=row["event_type"],
        state=row["state"],
        attempts=row["attempts"],
        next_attempt_time=_time(row["next_time"] if row["state"] == pb.Delivery.WAITING else None),
        last_attempt_time=_time(row["last_attempt_time"]),
        last_status=row["last_status"],
        last_answer=row["last_answer"],
        create_time=_time(row["create_time"]),
    )


def _time(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    told = Timestamp()
    told.FromDatetime(time)
    return told
