"""Whom an event concerns, and why: what inboxes and e-mails are made from."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from taskbell.events.v1.events_pb2 import Event
from taskbell.notifications.v1.notifications_pb2 import Notification

Reason: TypeAlias = "Notification.Reason.ValueType"

_ENDED: Final[Mapping[str, Reason]] = {
    "task.completed": Notification.COMPLETED,
    "task.failed": Notification.FAILED,
    "task.cancelled": Notification.CANCELLED,
}
_DUE: Final[Mapping[str, Reason]] = {
    "task.due_soon": Notification.DUE_SOON,
    "task.overdue": Notification.OVERDUE,
}


def concerned(event: Event) -> dict[str, Reason]:
    """The users whom the event concerns, each once.

    Whoever made the change is among them: people look for what they did in the same place. Not so who comments, or
    mentions somebody: that is said to the others.
    """
    mentioned = dict.fromkeys(event.mentioned_ids, Notification.MENTIONED)
    if event.type == "comment.created":
        return _listening(event) | mentioned
    return mentioned | _with_the_task(event)


def _listening(event: Event) -> dict[str, Reason]:
    """Those who have to do with the task that somebody comments on."""
    people = (event.task.creator_id, event.task.assignee_id, *event.commenter_ids)
    return {person: Notification.COMMENTED for person in people if person and person != event.actor_id}


def _with_the_task(event: Event) -> dict[str, Reason]:
    """Those whom it concerns what became of the task."""
    if reason := _ENDED.get(event.type):
        return dict.fromkeys(filter(None, (event.task.creator_id, event.task.assignee_id)), reason)
    if reason := _DUE.get(event.type):
        # Whoever is to do it, and not those who wait for it.
        return {person: reason} if (person := event.task.assignee_id or event.task.creator_id) else {}
    if event.task.assignee_id and (
        event.type == "task.created" or (event.type == "task.updated" and "assignee_id" in event.changed_fields)
    ):
        return {event.task.assignee_id: Notification.ASSIGNED}
    return {}
