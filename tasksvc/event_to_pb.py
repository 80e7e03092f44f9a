"""A row of the outbox as the event that travels on the bus."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from taskbell.events.v1.events_pb2 import Account, Client, Credential, Event

from chassis.jetstream import account_subject, credential_subject, member_subject, task_subject
from tasksvc.access import Role
from tasksvc.comment_store import Comment
from tasksvc.comment_to_pb import comment_to_pb
from tasksvc.domain.task import Task
from tasksvc.project_store import Member
from tasksvc.project_to_pb import member_to_pb
from tasksvc.task_rows import task_before, task_from_body
from tasksvc.task_to_pb import task_to_pb

_STAMPS: Final = ("start_time", "end_time", "update_time", "version")


def event_to_pb(row: asyncpg.Record) -> Event:
    """The event, without a cursor: where it stands in the stream is known to whoever reads it there."""
    event = Event(
        event_id=str(row["event_id"]),
        type=row["type"],
        actor_id=_text(row["actor_id"]),
        project_id=_text(row["project_id"]),
        task_id=_text(row["task_id"]),
        changed_fields=row["changed_fields"],
        traceparent=row["traceparent"],
    )
    event.time.FromDatetime(row["time"])
    body = row["body"]
    if row["task_id"] is not None:
        task = task_from_body(body)
        event.task_version = task.version
        event.task.CopyFrom(task_to_pb(task))
        if row["previous"] is not None:
            before = task_before(body, row["previous"], row["changed_fields"])
            _tell_previous(event.previous, row["changed_fields"], before)
        if row["type"] == "task.left":
            event.task_version += 1
            event.destination_id = str(row["subject_id"])
        event.mentioned_ids.extend(map(str, row["mentioned_ids"] or ()))
        event.commenter_ids.extend(map(str, row["commenter_ids"] or ()))
        if row["comment"] is not None:
            event.comment.CopyFrom(comment_to_pb(Comment.from_body(row["comment"], event.project_id)))
    elif row["type"].startswith("member."):
        event.member.CopyFrom(member_to_pb(_member(body)))
    elif row["type"].startswith("account."):
        event.account.CopyFrom(_account(body))
    else:
        event.credential.CopyFrom(Credential(id=body["id"], user_id=body["user_id"]))
    return event


def _tell_previous(previous: Any, fields: Iterable[str], before: Task) -> None:
    """Takes over the values that the fields had, and the stamps."""
    task: Any = task_to_pb(before)
    for name in (*fields, *_STAMPS):
        known = task.DESCRIPTOR.fields_by_name[name]
        value = getattr(task, name)
        if known.is_repeated:
            getattr(previous, name).extend(value)
            getattr(previous, name).SetInParent()  # also if it was empty
        elif known.message_type is None:
            setattr(previous, name, value)
        elif task.HasField(name):
            getattr(previous, name).CopyFrom(value)


def subject_of(event: Event) -> str:
    """Where it is published."""
    match event.WhichOneof("subject"):
        case "member":
            return member_subject(event.project_id, event.member.user_id)
        case "credential":
            return credential_subject(event.credential.user_id, event.credential.id)
        case "account":
            return account_subject(event.account.user_id)
    return task_subject(event.project_id, event.task_id)


def _member(body: Mapping[str, Any]) -> Member:
    return Member(
        project_id=UUID(body["project_id"]),
        user_id=UUID(body["user_id"]),
        username=body["username"],
        role=Role(body["role"]),
        version=body["version"],
        create_time=datetime.fromisoformat(body["create_time"]).astimezone(UTC),
    )


def _account(body: Mapping[str, Any]) -> Account:
    client = body.get("client")
    return Account(user_id=body["user_id"], client=Client(**client) if client else None)


def _text(value: object) -> str:
    return "" if value is None else str(value)
