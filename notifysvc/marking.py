"""Marking notifications, whichever way it is asked for."""

from taskbell.notifications.v1.notifications_pb2 import Mark, MarkNotificationsRequest

from notifysvc.bell import Bell
from notifysvc.inbox import Inbox, check_marking


async def mark(inbox: Inbox, bell: Bell, user_id: str, request: Mark | MarkNotificationsRequest) -> int:
    """Marks them on all of the user's devices; how many are unread now. Raises NotificationNotFound, InvalidFilter."""
    check_marking(request.ids, everything=request.all, filter_=request.filter)
    if request.ids:
        await inbox.mark(user_id, request.ids, request.state)
    else:
        await inbox.mark_matching(user_id, request.filter, request.state)
    await bell.ring([user_id])
    return await inbox.unread(user_id)
