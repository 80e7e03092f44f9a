"""The types of events that happen in projects."""

from typing import Final

EVENT_TYPES: Final = (
    *("task.created", "task.updated", "task.started", "task.progressed", "task.completed", "task.failed"),
    *("task.cancelled", "task.reopened", "task.deleted", "task.restored", "task.extended", "task.released"),
    *("task.retried", "task.due_soon", "task.overdue", "task.left"),
    *("comment.created", "comment.updated", "comment.deleted"),
    *("member.added", "member.updated", "member.removed"),
)
FAMILIES: Final = ("task.*", "comment.*", "member.*")
